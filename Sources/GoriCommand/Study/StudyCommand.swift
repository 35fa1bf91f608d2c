// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import Study

/// `gori study`: io_uring and epoll under the same engine, measured beside each other on this machine.
struct StudyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study", abstract: "Compare io_uring and epoll on this machine and write a report.",
        discussion: """
            Example: gori study --quick --out study

            Takes less than 30 minutes, with --quick less than 3 (with --peers 15 and 3 more), and wants two \
            processors that nobody else uses. \
            Writes report.html, report.md, results.csv and results.json; Ctrl-C writes the report of what there is.
            """)

    @Flag(help: "The short run: fewer workloads and rotations.")
    var quick = false

    @Option(help: "The folder for the report. Default: study- and the time.")
    var out: String?

    @Option(
        name: .customLong("workload"),
        help:
            "Only this one; may be given more than once. A name or one of \(Self.families)."
    )
    var names: [String] = []

    @Option(name: .customLong("from"), help: "Make the report of a results.json, and measure nothing.")
    var source: String?

    @Option(help: "Write the results to this file as well; '-' is standard output.")
    var json: String?

    @Flag(help: "Servers of others, too: those that Benchmarks/peers/peers.py has built. Takes 15 minutes more.")
    var peers = false

    @Option(help: "The list of them, as peers.py writes it. Default: that of this checkout.")
    var peersFile: String?

    @Option(help: "What TCP does about congestion in the run's network. Default: reno, which paces nothing.")
    var congestionControl: String?

    private static var families: String { WorkloadTable.families.joined(separator: ", ") }

    // For tests, which have no minutes.
    @Option(help: .hidden) var rotations: Int?
    @Option(help: .hidden) var slice: Int?

    func validate() throws {
        guard WorkloadTable.chosen(by: names) != nil else {
            let known = WorkloadTable.families + WorkloadTable.all.map(\.name)
            throw ValidationError(
                "--workload takes \(known.joined(separator: ", ")), not '\(names.joined(separator: ", "))'")
        }
        if let rotations { try checkRange(rotations, 1...1_000, "--rotations") }
        if let slice { try checkRange(slice, 1...10_000, "--slice") }
        if peersFile != nil, !peers { throw ValidationError("--peers-file belongs to --peers") }
        if source != nil, quick || peers || !names.isEmpty || congestionControl != nil {
            throw ValidationError(
                "--from measures nothing: leave --quick, --peers, --workload and --congestion-control out")
        }
    }

    func run() throws {
        let folder = URL(filePath: out ?? Self.folderOfNow(), directoryHint: .isDirectory)
        let data = try source.map { try Self.read($0, "--from") } ?? measure(into: folder)
        let report: StudyReport
        do {
            report = try StudyReport(data)
        } catch {
            throw RunFailure("\(source ?? "the results"): \(error)")
        }
        try write(report, to: folder)
        if let json { try Output.write(data, to: json) }
        if let failure = report.failures.first {
            let others = report.failures.count - 1
            throw RunFailure("\(failure)\(others == 0 ? "" : " (and \(others) more)"); the report has the rest")
        }
    }

    // MARK: Measuring

    private func measure(into folder: URL) throws -> Data {
        let results = folder.appending(path: "results.json")
        guard !FileManager.default.fileExists(atPath: results.path) else {
            throw RunFailure("\(results.path) is there already: give another --out")
        }
        let others = try peers ? listOfPeers() : nil
        let network = try network()
        // Before half an hour of measuring, not after it.
        try make(folder)
        var settings = StudySettings(isQuick: quick, names: names, withPeers: peers)
        if let rotations { (settings.rotations, settings.starts) = (rotations, 1) }
        if let slice { (settings.sliceMilliseconds, settings.warmUpMilliseconds) = (slice, slice / 2) }
        let run = StudyRun(
            settings, version: Version.current, workloads: WorkloadTable.chosen(by: names) ?? [], network: network,
            peers: others)
        let isTerminal = isatty(STDERR_FILENO) == 1
        var last = 0
        let found = run.run { progress in
            if isTerminal {
                Self.show("\r\u{1B}[K" + progress.line)
            } else if progress.number != last {
                last = progress.number
                Output.log(progress.line)
            }
        }
        if isTerminal { Self.show("\r\u{1B}[K") }
        return try ResultsFile.encode(found)
    }

    private func network() throws -> RunNetwork {
        let network = RunNetwork.enter(congestionControl: congestionControl ?? RunNetwork.reno)
        guard let refusal = network.refusal else { return network }
        if let congestionControl {
            throw RunFailure(
                "no network with \(congestionControl): \(refusal); it takes root or user namespaces, and one of "
                    + "net.ipv4.tcp_available_congestion_control")
        }
        Output.log("this run uses the machine's network, having none of its own: \(refusal)")
        return network
    }

    private func listOfPeers() throws -> PeerList {
        guard let path = peersFile ?? PeerList.find() else {
            throw RunFailure(
                "no \(PeerList.place) here: build peers with python3 Benchmarks/peers/peers.py, or give --peers-file")
        }
        let data = try Self.read(path, "--peers-file")
        do {
            return try PeerList(data)
        } catch {
            throw RunFailure("\(path): \(error); python3 Benchmarks/peers/peers.py makes another")
        }
    }

    private static func folderOfNow() -> String {
        let time = Date().formatted(.iso8601.timeSeparator(.omitted)).prefix(15)
        return "study-\(time)"
    }

    private static func show(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    // MARK: Files

    private static func read(_ path: String, _ option: String) throws -> Data {
        do {
            return try Data(contentsOf: URL(filePath: path))
        } catch {
            throw RunFailure("cannot read \(path): \(error.localizedDescription); give another \(option)")
        }
    }

    private func make(_ folder: URL) throws {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw RunFailure("cannot make \(folder.path): \(error.localizedDescription); give another --out")
        }
    }

    private func write(_ report: StudyReport, to folder: URL) throws {
        try make(folder)
        for (name, contents) in report.files {
            let file = folder.appending(path: name)
            do {
                try contents.write(to: file, options: .atomic)
            } catch {
                throw RunFailure("cannot write \(file.path): \(error.localizedDescription); give another --out")
            }
        }
        // Standard output belongs to the results where they are asked for there.
        if json != "-" { Output.line("report \(folder.appending(path: "report.html").path)") }
    }
}
