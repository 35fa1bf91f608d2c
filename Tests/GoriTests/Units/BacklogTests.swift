// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Gori

@Suite struct BacklogTests {
    /// A backlog beside a plain byte string that says what it must hold.
    private struct Twin: ~Copyable {
        var backlog = Backlog()
        var pool = BlockPool()
        var bytes: [UInt8] = []
        var begun = 0
        var inFlight = 0
        var dice: Dice
        let framing = Framing(maximumPacketSize: 30_000)

        init(seed: UInt64) { dice = Dice(seed: seed) }

        mutating func packet() -> [UInt8] {
            let size = dice.chance(5) ? dice.within(4...30_000) : dice.within(4...600)
            var packet =
                dice.bytes(min(size, 64)) + [UInt8](repeating: UInt8(dice.below(256)), count: max(0, size - 64))
            packet.withUnsafeMutableBytes { framing.writeHeader(size: size, type: 20, to: $0) }
            return packet
        }

        mutating func append() {
            let packets = (0..<dice.within(1...3)).flatMap { _ in packet() }
            packets.withUnsafeBytes { backlog.append($0, pool: &pool) }
            bytes += packets
        }

        mutating func reserveAndCommit() {
            let packet = packet()
            let room = backlog.reserve(packet.count + dice.below(500), pool: &pool)
            #expect(room.count >= packet.count)
            if dice.chance(20) { return backlog.commit(0, pool: &pool) }
            room.copyBytes(from: packet)
            backlog.commit(packet.count, pool: &pool)
            bytes += packet
        }

        /// As after a send that the socket took in part.
        mutating func prepend() {
            guard inFlight == 0, begun == 0 else { return }
            let packets = (0..<dice.within(1...3)).map { _ in packet() }
            let taken = dice.below(packets[0].count + 1)
            let rest = Array(packets.joined().dropFirst(taken))
            begun = taken == 0 ? 0 : packets[0].count - taken
            var front = Backlog()
            rest.withUnsafeBytes { front.append($0, pool: &pool) }
            backlog.prepend(front, begunBytes: rest.isEmpty ? 0 : begun)
            bytes = rest + bytes
        }

        mutating func beginSend() {
            guard inFlight == 0, !bytes.isEmpty else { return }
            let chunk = backlog.beginSend()
            inFlight = chunk.count
            #expect(backlog.isInFlight)
            #expect(chunk.count > 0 && chunk.count <= bytes.count)
            #expect(Array(chunk) == Array(bytes.prefix(chunk.count)))
            #expect(chunk.count >= begun)
            let whole = UnsafeRawBufferPointer(rebasing: chunk[min(begun, chunk.count)...])
            #expect(framing.lastBoundary(in: whole, upTo: whole.count) == whole.count, "a packet straddles chunks")
        }

        mutating func endSend() {
            guard inFlight > 0 else { return }
            backlog.endSend(pool: &pool)
            bytes.removeFirst(inFlight)
            inFlight = 0
            begun = 0
        }

        mutating func dropUnbegun() {
            backlog.dropUnbegun(pool: &pool)
            bytes = Array(bytes.prefix(inFlight > 0 ? inFlight : begun))
        }

        func check() {
            let count = backlog.byteCount
            #expect(count == bytes.count)
            let isEmpty = backlog.isEmpty
            #expect(isEmpty == bytes.isEmpty)
            let isInFlight = backlog.isInFlight
            #expect(isInFlight == (inFlight > 0))
        }
    }

    @Test("whatever is done to it, a backlog holds the bytes of a plain string")
    func oracle() {
        for seed in UInt64(0)..<(TestLevel.isFull ? 400 : 60) {
            var twin = Twin(seed: seed)
            for _ in 0..<200 {
                switch twin.dice.below(20) {
                case 0..<6: twin.append()
                case 6..<10: twin.reserveAndCommit()
                case 10: twin.prepend()
                case 11..<15: twin.beginSend()
                case 15..<19: twin.endSend()
                default: if twin.dice.chance(20) { twin.dropUnbegun() }
                }
                twin.check()
            }
            twin.endSend()
            while !twin.bytes.isEmpty {
                twin.beginSend()
                twin.endSend()
            }
            twin.check()
            let inUse = twin.pool.bytesInUse
            #expect(inUse == 0, "seed \(seed)")
        }
    }

    @Test("released, everything is back in the pool")
    func release() {
        var twin = Twin(seed: 1)
        for _ in 0..<50 { twin.append() }
        twin.backlog.releaseAll(pool: &twin.pool)
        let inUse = twin.pool.bytesInUse
        #expect(inUse == 0)
        let isEmpty = twin.backlog.isEmpty
        #expect(isEmpty)
    }

    @Test("dropping what has not begun keeps the rest of a packet that has, and goodbye follows it")
    func dropKeepsBegun() {
        var pool = BlockPool()
        var backlog = Backlog()
        var rest = Backlog()
        let begun = [UInt8](repeating: 1, count: 30)
        let later: [UInt8] = [6, 0, 20, 0, 5, 5]
        (begun + later).withUnsafeBytes { rest.append($0, pool: &pool) }
        backlog.prepend(rest, begunBytes: 30)
        later.withUnsafeBytes { backlog.append($0, pool: &pool) }
        backlog.dropUnbegun(pool: &pool)
        #expect(backlog.byteCount == 30)
        let goodbye: [UInt8] = [6, 0, 3, 0, 13, 0]
        goodbye.withUnsafeBytes { backlog.append($0, pool: &pool) }
        var sent: [UInt8] = []
        while !backlog.isEmpty {
            sent += Array(backlog.beginSend())
            backlog.endSend(pool: &pool)
        }
        #expect(sent == begun + goodbye)
        #expect(pool.bytesInUse == 0)
    }
}
