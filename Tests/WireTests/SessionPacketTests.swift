// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// The packets whose layout never changes: the bytes stand here so that a change is seen.
@Suite struct SessionPacketTests {
    private func encode<P: Packet>(_ packet: P) -> [UInt8] {
        var memory = [UInt8](repeating: 0, count: 256)
        let count = memory.withUnsafeMutableBytes { Framing().encode(packet, into: $0) }
        return Array(memory[..<(count ?? 0)])
    }

    private func decode<P: Packet>(_: P.Type, _ bytes: [UInt8]) -> P? {
        let body = Array(bytes.dropFirst(4))
        return try? P.decode(body.span.bytes)
    }

    /// Encoded as the frozen bytes, decoded back, and refused when a byte is missing or left over.
    private func expectFrozen<P: Packet & Equatable>(
        _ packet: P, _ bytes: [UInt8], _ place: SourceLocation = #_sourceLocation
    ) {
        #expect(encode(packet) == bytes, sourceLocation: place)
        #expect(decode(P.self, bytes) == packet, sourceLocation: place)
        #expect(P.bodySize.contains(bytes.count - 4), sourceLocation: place)
        #expect(decode(P.self, bytes.dropLast()) == nil, sourceLocation: place)
        #expect(decode(P.self, bytes + [0]) == nil, sourceLocation: place)
    }

    @Test("hello is version, fingerprint, format and the client's name")
    func hello() {
        expectFrozen(
            Hello(version: 0x0102, fingerprint: 0x1112_1314_1516_1718, format: 0, client: "bot"),
            [
                19, 0, 1, 0, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 0, 3, 0x62, 0x6F, 0x74,
            ])
        expectFrozen(
            Hello(version: 1, fingerprint: 0), [16, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        let longest = Hello(version: 1, fingerprint: 2, client: String(repeating: "x", count: 32))
        #expect(encode(longest).count == 48)
        #expect(encode(longest).count <= Hello.maximumPacketSize)
        #expect(encode(Hello(version: 1, fingerprint: 2, client: String(repeating: "x", count: 33))).isEmpty)
    }

    @Test("welcome is session, time, heartbeat and the largest packet")
    func welcome() {
        expectFrozen(
            Welcome(session: 0x0102_0304_0506_0708, serverTime: 0x1112, heartbeat: 10_000, maximumPacket: 16_384),
            [
                24, 0, 2, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x12, 0x11, 0, 0, 0, 0, 0, 0, 0x10, 0x27, 0x00, 0x40,
            ])
    }

    @Test("goodbye is a reason and a text")
    func goodbye() {
        expectFrozen(Goodbye(reason: .malformed, text: "no"), [8, 0, 3, 0, 3, 2, 0x6E, 0x6F])
        expectFrozen(Goodbye(reason: EndReason(rawValue: 200), text: ""), [6, 0, 3, 0, 200, 0])
        #expect(encode(Goodbye(reason: .kicked, text: String(repeating: "x", count: 120))).count == 126)
        #expect(encode(Goodbye(reason: .kicked, text: String(repeating: "x", count: 121))).isEmpty)
    }

    @Test("ping is a token, pong the token and a time")
    func heartbeat() {
        expectFrozen(Ping(token: 0x0102_0304_0506_0708), [12, 0, 4, 0, 8, 7, 6, 5, 4, 3, 2, 1])
        expectFrozen(Pong(token: 1, time: 2), [20, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test("reasons keep their numbers, and have names")
    func reasons() {
        let names: [(EndReason, UInt8, String)] = [
            (.disconnected, 0, "disconnected"), (.leaving, 1, "leaving"), (.shuttingDown, 2, "shuttingDown"),
            (.malformed, 3, "malformed"), (.helloExpected, 4, "helloExpected"), (.helloTimeout, 5, "helloTimeout"),
            (.updateNeeded, 6, "updateNeeded"), (.violations, 7, "violations"), (.silent, 8, "silent"),
            (.slowReader, 9, "slowReader"), (.full, 10, "full"), (.refused, 11, "refused"), (.replaced, 12, "replaced"),
            (.kicked, 13, "kicked"), (.failed, 14, "failed"), (.handlerTimedOut, 15, "handlerTimedOut"),
        ]
        for (reason, number, name) in names {
            #expect(reason.rawValue == number)
            #expect(reason.description == name)
        }
        #expect(EndReason(rawValue: 64).description == "reason 64")
    }
}
