// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A running server of one variant: `gori echo`, the world, or a peer.
final class EchoChild {
    /// What its completion port and its workers have counted since it started.
    struct Counters: Decodable {
        var port: [String: UInt64] = [:]
        var workers: [String: UInt64] = [:]
    }

    let port: UInt16
    let process: pid_t
    private let child: Child
    /// A peer counts nothing, and a signal would end it.
    private let isOurs: Bool
    private var features = ""

    private static let startTime = 10_000
    private static let answerTime = 5_000

    /// A server with one worker that does what a workload asks for.
    init(_ variant: Variant, _ workload: Workload, core: Int?) throws(StudyError) {
        isOurs = variant.peer == nil
        let workers = variant.hasThreadPerConnection ? [] : ["--workers", "1"]
        let place = ["--listen", "127.0.0.1:0"]
        if let command = variant.peer?.command(workload), let program = command.first {
            child = try Child(variant.name, program: program, Array(command.dropFirst()), core: core)
        } else if workload.traffic == .course {
            child = try Child(
                "gori serve (\(variant.name))", ["serve"] + place + Self.world + workers + variant.arguments, core: core
            )
        } else {
            child = try Child(
                "gori echo (\(variant.name))",
                ["echo"] + place + ["--mode", workload.traffic.mode, "--group", "\(workload.group)"] + workers
                    + variant.arguments, core: core)
        }
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

    /// Nobody is alone: players appear in a square of 200 tiles, and monsters walk there as elsewhere.
    private static let world = ["--database", "off", "--spawn-area", "200", "--monsters", "20000"]

    /// What it has counted. Asked while nothing is under way, so that every count belongs to a whole slice.
    /// Nothing, of a peer.
    func counters() throws(StudyError) -> Counters {
        guard isOurs else { return Counters() }
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
