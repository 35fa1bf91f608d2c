// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire
import World

@testable import Bots

/// One bot on a bench: packets in, findings out.
struct BotBench: ~Copyable {
    static let map = WorldConfiguration(width: 100, height: 100)
    var bot = Bot(number: 42, seed: 1)
    var record = BotsRecord()
    /// Microseconds since the start.
    var now: UInt64 = 0

    init(_ stage: Bot.Stage = .waiting) { bot.stage = stage }

    deinit {
        var bot = bot
        var record = record
        bot.pending.release()
        bot.known.release()
        record.players.release()
    }

    /// A bot that stands at (50, 50) as object 7 and has its first move at 1,000 ms.
    static func walking() -> BotBench {
        var bench = BotBench(.entering)
        #expect(bench.receive(bench.enterWorld()) == .walk)
        bench.bot.firstMove = 1_000
        return bench
    }

    func enterWorld(
        code: EnterCode = .ok, object: UInt32 = 7, x: UInt16 = 50, y: UInt16 = 50, request: UInt32 = 2
    ) -> EnterWorld {
        EnterWorld(request: request, code: code, object: object, x: x, y: y, configuration: Self.map)
    }

    @discardableResult
    mutating func receive(_ packet: some Packet) -> BotReply {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let size = bytes.withUnsafeMutableBytes { Framing().encode(packet, into: $0) }
        guard let size else {
            Issue.record("a packet that does not fit")
            return .none
        }
        return receive(raw: Array(bytes[4..<size]), type: type(of: packet).type)
    }

    @discardableResult
    mutating func receive(raw body: [UInt8], type: PacketType) -> BotReply {
        let time = now
        return body.withUnsafeBytes { bot.receive(type, $0.bytes, now: time, &record) }
    }

    /// Exactly these checks have failed, each once unless said otherwise.
    func expectFailed(_ checks: Check..., sourceLocation: SourceLocation = #_sourceLocation) {
        let failed = record.checks.failed.map { "\($0.rawValue): \(record.checks[$0].detail)" }
        #expect(record.checks.failed == checks, "\(failed)", sourceLocation: sourceLocation)
    }
}
