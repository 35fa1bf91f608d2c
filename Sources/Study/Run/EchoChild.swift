// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A running `gori echo` of one variant.
final class EchoChild {
    /// What its completion port and its workers have counted since it started.
    typealias Counters = [String: [String: UInt64]]

    let port: UInt16
    let process: pid_t
    private let child: Child
    private var features = ""

    private static let startTime = 10_000
    private static let answerTime = 5_000

    init(_ variant: Variant, _ workload: Workload, core: Int?) throws(StudyError) {
        let mode = workload.traffic == .churn ? Workload.Traffic.echo : workload.traffic
        child = try Child(
            "gori echo (\(variant.name))",
            [
                "echo", "--listen", "127.0.0.1:0", "--workers", "1", "--mode", mode.rawValue, "--group",
                "\(workload.group)",
            ] + variant.arguments, core: core)
        process = child.process
        var port: UInt16?
        while true {
            let line = try child.line(of: .output, within: Self.startTime)
            if line == "ready" { break }
            if line.hasPrefix("listening ") { port = line.split(separator: ":").last.flatMap { UInt16($0) } }
        }
        guard let port else { throw .failed("\(child.name) listens nowhere") }
        self.port = port
    }

    /// What it has counted. Asked while nothing is under way, so that every count belongs to a whole slice.
    func counters() throws(StudyError) -> Counters {
        child.signal(SIGUSR1)
        while true {
            let line = try child.line(of: .errors, within: Self.answerTime)
            note(line)
            guard line.hasPrefix("{") else { continue }
            guard let counters = try? JSONDecoder().decode(Counters.self, from: Data(line.utf8)) else {
                throw .failed("\(child.name) told no counters: \(line)")
            }
            return counters
        }
    }

    /// What it is. Asked after `counters`, which come after everything it says at its start.
    func facts() -> ServerFacts {
        ServerFacts(
            threads: ProcessFacts.threads(of: process).count,
            descriptors: ProcessFacts.descriptorCount(of: process),
            residentKiB: ProcessFacts.residentKiB(of: process), features: features,
            edgeTriggered: ProcessFacts.edgeTriggeredCount(of: process))
    }

    func stop() { child.stop() }

    private func note(_ line: String) {
        let mark = "kernel features used: "
        if line.hasPrefix(mark) { features = String(line.dropFirst(mark.count)) }
    }
}
