// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What is special about sends without a copy; that such a port keeps the ten promises is the conformance suite's.
@Suite struct ZeroCopyTests {
    /// What else there may be to such a port.
    struct Kind: Sendable {
        var techniques = PortTechniques.zeroCopySend
        var isDirect = false
        var disabled: UringFeatures = []
    }

    private static func makePort(
        capacity: Int, buffers: Int = 0, threshold: Int = 1, _ kind: Kind = Kind()
    ) throws -> UringPort {
        var sizes = UringSizes()
        sizes.buffers = buffers
        sizes.zeroCopyThreshold = threshold
        return try UringPort(
            capacity: capacity, features: try UringPreflight.run(disabled: kind.disabled),
            directDescriptors: kind.isDirect, techniques: kind.techniques, sizes: sizes)
    }

    /// Echoes what has come of every stream once. Returns how many bytes.
    private func echo(_ rig: Rig<UringPort>, _ milliseconds: Int = 20) throws -> Int {
        var parts: [UInt64: [UnsafeRawBufferPointer]] = [:]
        try rig.turn(milliseconds) { stream, bytes in parts[stream.key.rawValue, default: []].append(bytes) }
        for (key, slices) in parts { rig.send(CompletionKey(userData: key), slices) }
        return parts.values.joined().reduce(0) { $0 + $1.count }
    }

    /// Echoes until so many bytes have come.
    private func echo(_ rig: Rig<UringPort>, exactly count: Int) throws {
        let deadline = MonotonicClock.now() + 10_000_000_000
        var echoed = 0
        while echoed < count, MonotonicClock.now() < deadline { echoed += try echo(rig) }
        #expect(echoed == count)
        // The sends of the last turn leave with the next wait.
        try rig.turn(0)
    }

    @Test(
        "an echo names receive memory, which goes back when the kernel says so",
        arguments: [
            Kind(), Kind(isDirect: true), Kind(disabled: .incrementalBuffers), Kind(disabled: .receiveLimit),
            Kind(techniques: [.zeroCopySend, .receiveBundles]),
        ])
    func counts(kind: Kind) throws {
        let (near, peer) = try PairMaker().make()
        let rig = try Rig { try Self.makePort(capacity: $0, kind) }
        rig.add(near, slot: 0)
        var dice = Dice(seed: 8)
        for _ in 0..<200 {
            let question = dice.bytes(20_000)
            try peer.send(question)
            try echo(rig, exactly: question.count)
            #expect(try peer.receive(exactly: question.count) == question)
        }
        // More than all receive memory has been through: it has come back many times.
        try rig.run("every notification") { rig.port.heldBuffers == 0 }
        try rig.turn(0)
        #expect(rig.port.counters.zeroCopySends >= 200)
        #expect(rig.port.counters.zeroCopyCopied == rig.port.counters.zeroCopySends, "loopback always copies")
        #expect(rig.port.lostBuffers ?? 0 == 0)
        rig.expectOrder()
    }

    @Test("what is small, or the caller's own memory, is copied")
    func others() throws {
        let (near, peer) = try PairMaker().make()
        let rig = try Rig { try Self.makePort(capacity: $0, threshold: 10_000) }
        let stream = rig.add(near, slot: 0)
        try peer.send([UInt8](repeating: 1, count: 9_999))
        try echo(rig, exactly: 9_999)
        rig.send(stream.key, [UInt8](repeating: 2, count: 20_000))
        try rig.turn(0)
        #expect(try peer.receive(exactly: 29_999).count == 29_999)
        #expect(rig.port.counters.zeroCopySends == 0)
        rig.expectOrder()
    }

    @Test("peers that do not read keep a quarter of receive memory at most, and nobody else from being served")
    func quarter() throws {
        let pairs = try PairMaker()
        let rig = try Rig { try Self.makePort(capacity: $0, buffers: 16) }
        var silent: [Peer] = []
        for slot in 0..<16 {
            let (near, peer) = try pairs.make()
            rig.add(near, slot: slot).continues = false
            silent.append(peer)
        }
        let flood = [UInt8](repeating: 7, count: 64 << 10)
        for _ in 0..<60 {
            for peer in silent { _ = flood.withUnsafeBytes { peer.sendSome($0) } }
            _ = try echo(rig, 1)
            #expect(rig.port.heldBuffers <= 4)
        }
        #expect(rig.port.counters.zeroCopySends > 0)
        let (near, peer) = try pairs.make()
        rig.add(near, slot: 20)
        try peer.send([1, 2, 3])
        var answer: [UInt8] = []
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 3, alignment: 1)
        defer { memory.deallocate() }
        for _ in 0..<500 where answer.count < 3 {
            _ = try echo(rig)
            if let got = try peer.receiveSome(memory) { answer += memory[..<got] }
        }
        #expect(answer == [1, 2, 3])
        // Once the silent ones are gone, so is all that the kernel kept of them.
        for peer in silent { peer.reset() }
        try rig.run("every notification") { rig.port.heldBuffers == 0 }
        rig.expectOrder()
    }

    @Test("what waits for a peer that does not read stays as it was, whatever comes in meanwhile")
    func stays() throws {
        let pairs = try PairMaker()
        let rig = try Rig { try Self.makePort(capacity: $0) }
        let (near, peer) = try pairs.make()
        rig.add(near, slot: 0).keepsBytes = false
        // A small window, and a socket that takes all the same.
        let (wide, reader) = try pairs.make(small: true)
        var size: Int32 = 1 << 20
        setsockopt(wide, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        let target = rig.add(wide, slot: 1, receives: false)
        var dice = Dice(seed: 13)
        let question = dice.bytes(200_000)
        try peer.send(question)
        var passedOn = 0
        for _ in 0..<500 where passedOn < question.count {
            var parts: [UnsafeRawBufferPointer] = []
            try rig.turn { _, bytes in parts.append(bytes) }
            if !parts.isEmpty { rig.send(target.key, parts) }
            passedOn += parts.reduce(0) { $0 + $1.count }
        }
        try rig.turn(0)
        #expect(passedOn == question.count && target.blocked.isEmpty)
        #expect(rig.port.counters.zeroCopySends > 0)
        // Twice all the receive memory there is.
        let other = [UInt8](repeating: 0xEE, count: 64 << 10)
        for _ in 0..<128 {
            try peer.send(other)
            try rig.turn(1)
        }
        #expect(rig.port.usedUpHeldBuffers > 0)
        #expect(rig.port.lostBuffers ?? 0 == 0)
        #expect(try reader.receive(exactly: question.count) == question)
        try rig.run("every notification") { rig.port.heldBuffers == 0 }
        #expect(rig.port.usedUpHeldBuffers == 0)
        rig.expectOrder()
    }

    @Test("a stream closes and its slot is used anew while the peer has not acknowledged what it was sent")
    func closesBeforeNotification() throws {
        let pairs = try PairMaker()
        let rig = try Rig { try Self.makePort(capacity: $0) }
        for generation in UInt32(1)...12 {
            let (near, peer) = try pairs.make(small: true)
            let stream = rig.add(near, slot: 3, generation: generation)
            stream.continues = false
            let question = [UInt8](repeating: UInt8(generation), count: 30_000)
            _ = question.withUnsafeBytes { peer.sendSome($0) }
            for _ in 0..<500 where stream.blocked.isEmpty && stream.receivedCount < 3_000 { _ = try echo(rig) }
            try rig.turn(0)
            rig.port.close(stream.key, hard: generation % 3 == 0)
            try rig.run("closed") { stream.closed == 1 }
            let all = try? peer.receiveAll()
            #expect(all?.allSatisfy { $0 == UInt8(generation) } ?? true, "what arrives is what was sent")
        }
        try rig.run("every notification") { rig.port.heldBuffers == 0 }
        rig.expectOrder()
    }

    @Test("a port goes while the kernel still reads its memory, and the peer gets what was sent")
    func portGoes() throws {
        let pairs = try PairMaker()
        for round in UInt8(1)...20 {
            let (near, peer) = try pairs.make()
            var rig: Rig<UringPort>? = try Rig { try Self.makePort(capacity: $0) }
            rig?.add(near, slot: 0)
            let question = [UInt8](repeating: round, count: 60_000)
            try peer.send(question)
            if let rig { try echo(rig, exactly: question.count) }
            rig = nil
            #expect(try peer.receiveAll() == question)
        }
    }

    @Test("what it cannot do without is named")
    func refused() throws {
        let features = try UringPreflight.run().subtracting(.silentSend)
        let error = #expect(throws: PortError.self) {
            _ = try UringPort(capacity: 4, features: features, techniques: .zeroCopySend)
        }
        #expect(error?.code == EOPNOTSUPP)
        let line = error.map { "\($0)" } ?? ""
        #expect(line.contains("zero-copy-send"))
    }
}
