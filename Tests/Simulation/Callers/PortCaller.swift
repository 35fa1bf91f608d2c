// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
@_spi(Measuring) internal import Overlapped
@_spi(Measuring) internal import SimulatedKernel

/// A caller that keeps the rules of `CompletionPort` and does anything else: it pauses and goes on in the middle of a
/// batch, closes twice, sends to whoever has ended, and hands over dead descriptors.
final class PortCaller<P: CompletionPort & ~Copyable> {
    /// A stream's slot.
    private struct Stream {
        let key: CompletionKey
        /// Nil: its descriptor was never one.
        let client: SimulatedSocket?
        var isSendingTracked = false
        var hasSent = false
        var hasEnded = false
        var isClosing = false
        var echoes: Bool
        /// What a blocked send has left.
        var unsent: UnsafeMutableRawBufferPointer?
    }

    private var port: P
    private let machine: SimulatedMachine
    private var dice: Dice
    private var listener: Int32 = -1
    private var isListening = false
    private var isPaused = false
    private var isStopping = false
    private var streams: [Stream?]
    private var clients: [SimulatedSocket] = []
    private var generation: UInt32 = 0
    private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private var copies: [UnsafeMutableRawBufferPointer] = []
    private var slices: [(slot: Int, slice: ReceiveSlice)] = []

    /// - Parameter capacity: the streams that the port holds.
    init(_ port: consuming P, capacity: Int, _ machine: SimulatedMachine, _ dice: Dice) throws {
        self.port = port
        streams = Array(repeating: nil, count: capacity)
        self.machine = machine
        self.dice = dice
        bytes.initializeMemory(as: UInt8.self, repeating: 7)
        try self.port.open()
    }

    deinit {
        for copy in copies { copy.deallocate() }
        bytes.deallocate()
    }

    func play(turns: Int) throws {
        for _ in 0..<turns where machine.failure == nil {
            listen()
            for client in clients where dice.chance(300) { act(client) }
            for slot in streams.indices where dice.chance(150) { disturb(slot) }
            try turn()
        }
        try end()
    }

    // MARK: Turns

    private func turn() throws {
        let wait = dice.pick([0, 0, 1_000, 50_000, 2_000_000])
        let rings = dice.chance(50)
        if rings { port.doorbell.ring() }
        // Without an end of its own a wait needs somebody who rings.
        let isEndless = rings && dice.chance(300)
        try port.wait(until: wait == 0 ? 0 : isEndless ? .max : machine.now() + UInt64(wait))
        for slot in streams.indices { streams[slot]?.hasSent = false }
        slices.removeAll(keepingCapacity: true)
        while let completion = port.next() {
            take(completion)
            if dice.chance(20) { disturb(dice.below(streams.count)) }
        }
        for (slot, slice) in slices { echo(slot, slice) }
        for slot in streams.indices where dice.chance(400) { send(slot) }
    }

    private func take(_ completion: Completion) {
        let slot = completion.key.slot
        switch completion.kind {
        case .accepted: accepted(completion.result)
        case .acceptPaused: isPaused = true
        case .acceptStopped:
            isListening = false
            isStopping = false
        case .operation: break
        default:
            guard streams.indices.contains(slot), streams[slot]?.key == completion.key else {
                return machine.fail("\(completion.kind) of a stream that is not there")
            }
            told(slot, completion)
        }
    }

    private func told(_ slot: Int, _ completion: Completion) {
        switch completion.kind {
        case .received:
            if streams[slot]?.echoes == true { slices.append((slot, completion.slice)) }
        case .blocked:
            var rest: [UInt8] = []
            port.withUnsent(completion) { part, taken in
                // Memory that is not there cannot be kept.
                if !machine.isMissing(part) { rest += part[taken...] }
            }
            streams[slot]?.unsent = rest.isEmpty ? nil : copy(rest)
        case .drained: streams[slot]?.isSendingTracked = false
        case .ended:
            streams[slot]?.hasEnded = true
            streams[slot]?.isSendingTracked = false
        case .closed: streams[slot] = nil
        default: break
        }
    }

    // MARK: Streams

    private func accepted(_ descriptor: Int32) {
        guard let slot = streams.firstIndex(where: { $0 == nil }) else { return Sockets.reject(descriptor) }
        add(descriptor, slot)
        if dice.chance(30), let free = streams.firstIndex(where: { $0 == nil }) { add(-1, free) }
    }

    private func add(_ descriptor: Int32, _ slot: Int) {
        generation += 1
        let key = CompletionKey(slot: slot, generation: generation)
        let client = descriptor < 0 ? nil : machine.client(of: descriptor)
        streams[slot] = Stream(key: key, client: client, echoes: dice.chance(300))
        port.associate(descriptor, key: key)
        if dice.chance(900) { port.receive(key) }
    }

    /// Something that a caller may do at any time.
    private func disturb(_ slot: Int) {
        guard let stream = streams[slot] else { return }
        switch dice.below(16) {
        case 0...3: port.pause(stream.key)
        case 4...9: port.receive(stream.key)
        case 10: finish(slot)
        case 11: close(slot, hard: dice.chance(500))
        case 12:
            if stream.isClosing || stream.hasEnded { close(slot, hard: dice.chance(500)) }
        case 13:
            port.pause(stream.key)
            port.receive(stream.key)
        case 14:
            port.receive(stream.key)
            close(slot, hard: false)
        default: for _ in 0..<2 { goOnAndPause(stream.key) }
        }
        // Nothing has been submitted since, so that what follows is taken in the same breath.
        if dice.chance(300) { disturb(slot) }
    }

    private func goOnAndPause(_ key: CompletionKey) {
        port.receive(key)
        port.pause(key)
        port.receive(key)
    }

    private func finish(_ slot: Int) {
        guard let stream = streams[slot], !stream.isSendingTracked, !stream.hasSent, stream.unsent == nil,
            !stream.hasEnded
        else { return }
        streams[slot]?.isClosing = true
        port.finish(stream.key)
    }

    private func close(_ slot: Int, hard: Bool) {
        guard let stream = streams[slot] else { return }
        streams[slot]?.isClosing = true
        port.close(stream.key, hard: hard)
    }

    private func send(_ slot: Int) {
        guard let stream = streams[slot], !stream.isSendingTracked, !stream.hasSent else { return }
        if let unsent = stream.unsent {
            streams[slot]?.unsent = nil
            guard !stream.hasEnded, !stream.isClosing else { return }
            streams[slot]?.isSendingTracked = true
            return port.sendTracked(stream.key, UnsafeRawBufferPointer(unsent))
        }
        if dice.chance(100), !stream.hasEnded, !stream.isClosing {
            streams[slot]?.isSendingTracked = true
            return port.sendTracked(stream.key, piece(1 << 18))
        }
        var parts: [UnsafeRawBufferPointer] = []
        for _ in 0..<dice.within(1...3) { parts.append(piece(dice.pick([1, 100, 5_000, 100_000]))) }
        if dice.chance(10) { parts = [machine.missingMemory] }
        send(slot, parts)
    }

    private func echo(_ slot: Int, _ slice: ReceiveSlice) {
        guard let stream = streams[slot], stream.unsent == nil, !stream.isSendingTracked, !stream.hasSent
        else { return }
        send(slot, [port.bytes(of: slice)])
    }

    private func send(_ slot: Int, _ parts: [UnsafeRawBufferPointer]) {
        guard let stream = streams[slot] else { return }
        streams[slot]?.hasSent = !stream.isClosing
        parts.map { IOVector($0) }.withUnsafeBufferPointer { port.send(stream.key, $0) }
    }

    private func piece(_ limit: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[..<dice.within(1...limit)])
    }

    private func copy(_ bytes: [UInt8]) -> UnsafeMutableRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        copy.copyBytes(from: bytes)
        copies.append(copy)
        return copy
    }

    // MARK: Clients and listener

    private func listen() {
        if !isListening {
            listener = machine.listen()
            isListening = true
            isPaused = false
            port.accept(on: listener, listener: 0)
        }
        if isPaused, dice.chance(300) {
            isPaused = false
            port.resumeAccepting(listener: 0)
        }
        if !isStopping, dice.chance(40) {
            isStopping = true
            port.stopAccepting(listener: 0)
        }
        let present = clients.lazy.filter { $0.clientEnd == .none }.count
        guard !isStopping, present < streams.count, dice.chance(300) else { return }
        let window = dice.pick([100, 8_000, 300_000])
        let client = machine.connect(to: listener, window: window, isLocal: dice.chance(50))
        if let client { clients.append(client) }
        clients.removeAll(where: \.isClosed)
    }

    private func act(_ client: SimulatedSocket) {
        switch dice.below(20) {
        case 0...6: client.clientSend(piece(dice.pick([1, 300, 20_000, 200_000, 1 << 18])))
        // What fills the memory of one read exactly.
        case 7: client.clientSend(UnsafeRawBufferPointer(rebasing: bytes[..<65_536]))
        case 8...15: client.clientReceive(dice.pick([1, 1_000, .max])) { _ in }
        case 16: client.clientFinish()
        case 17: if dice.chance(500) { client.clientReset() }
        default: break
        }
    }

    // MARK: The end

    /// Everything closes.
    private func end() throws {
        machine.plan = FaultPlan()
        if isListening, !isStopping { port.stopAccepting(listener: 0) }
        isStopping = true
        for slot in streams.indices { close(slot, hard: dice.chance(500)) }
        var rest = 20_000
        while streams.contains(where: { $0 != nil }) || isListening, machine.failure == nil {
            guard rest > 0 else { return machine.fail("streams that are closed stay open") }
            rest -= 1
            try port.wait(until: machine.now() + 1_000_000)
            while let completion = port.next() { take(completion) }
            for slot in streams.indices { close(slot, hard: true) }
        }
    }
}
