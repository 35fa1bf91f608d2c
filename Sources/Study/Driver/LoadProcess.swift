// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The load process of a study: `gori study-load`, started by a study and by nobody else.
public enum LoadProcess {
    /// How long answers are waited for when a slice is over.
    private static let patience: UInt64 = 5_000_000_000
    /// Milliseconds for which a load that may sleep waits for answers.
    private static let sleep: Int32 = 10

    /// Connects, answers each line of standard input with a slice, and returns when there are no more.
    ///
    /// - Parameter order: a `LoadOrder` in JSON.
    /// - Throws: what went wrong, as text.
    public static func run(order text: String) throws {
        guard let order = try? JSONDecoder().decode(LoadOrder.self, from: Data(text.utf8)) else {
            throw LoadFault("this subcommand is for gori study")
        }
        let workload = order.workload
        switch workload.traffic {
        case .echo, .packet, .stream: try serve(StreamTraffic(workload, port: order.port), order)
        case .broadcast: try serve(BroadcastTraffic(workload, port: order.port), order)
        case .churn: try serve(ChurnTraffic(workload, port: order.port), order)
        case .slow: try serve(SlowTraffic(workload, port: order.port), order)
        case .open: try serve(OpenTraffic(workload, port: order.port), order)
        case .course: throw LoadFault("the world is played by gori bots")
        }
    }

    private static func serve(_ traffic: some Traffic, _ order: LoadOrder) throws {
        var traffic = traffic
        guard let clock = Clock.processor(of: order.server) else { throw LoadFault("no process \(order.server)") }
        say(LoadOrder.connected)
        let encoder = JSONEncoder()
        while let line = readLine() {
            let words = line.split(separator: " ").compactMap { UInt64($0) }
            guard words.count == 2 else { throw LoadFault("'\(line)' is no slice") }
            let answer = try slice(&traffic, order, clock, warmUp: words[0], measured: words[1])
            say(String(decoding: try encoder.encode(answer), as: UTF8.self))
        }
    }

    private static func slice<Kind: Traffic>(
        _ traffic: inout Kind, _ order: LoadOrder, _ clock: clockid_t, warmUp: UInt64, measured: UInt64
    ) throws(LoadFault) -> LoadAnswer {
        let sleep = order.spins ? 0 : sleep
        let before = traffic.tally.answered
        traffic.tally.forgetDelays()
        traffic.isStopping = false
        let warm = Clock.now() + warmUp * 1_000_000
        try traffic.start()
        while Clock.now() < warm { try traffic.turn(waiting: sleep) }
        let lost = LostTime(order)
        let lostBefore = lost.read(at: Clock.now(), server: Clock.read(clock))
        let first = traffic.tally.answered
        traffic.tally.isMeasuring = true
        let (server, load, began) = (Clock.read(clock), Clock.ownProcessor(), Clock.now())
        let end = began + measured * 1_000_000
        while Clock.now() < end { try traffic.turn(waiting: sleep) }
        let (ended, serverEnd, loadEnd) = (Clock.now(), Clock.read(clock), Clock.ownProcessor())
        traffic.tally.isMeasuring = false
        let messages = traffic.tally.answered - first
        let others = lost.between(lostBefore, lost.read(at: Clock.now(), server: Clock.read(clock)))
        traffic.isStopping = true
        while !traffic.isSilent {
            guard Clock.now() < ended + patience else { throw LoadFault("messages were not answered within 5 s") }
            try traffic.turn(waiting: sleep)
        }
        let seconds = Double(ended - began) / 1e9
        return LoadAnswer(
            messages: messages, seconds: seconds, serverNanoseconds: serverEnd - server,
            loadNanoseconds: loadEnd - load, withoutCore: Double(others) / 1e9 / seconds,
            p50: traffic.tally.microseconds(at: 50), p99: traffic.tally.microseconds(at: 99),
            p999: traffic.tally.microseconds(at: 99.9), allMessages: traffic.tally.answered - before)
    }

    private static func say(_ line: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
