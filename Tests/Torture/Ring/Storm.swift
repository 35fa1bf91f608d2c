// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Sends on many streams out of memory that is overwritten the moment a port has settled the turn, and compares every
/// byte that arrives: whoever gives memory back too early sends what was written over it.
final class Storm<P: AnyPort> {
    private struct Stream {
        let near: CompletionKey
        let far: Int32
        let block: UnsafeMutableRawBufferPointer
        var queued = 0
        var received = 0
        var isUnsettled = false
        var rest: UnsafeMutableRawBufferPointer?
        var tracked: UnsafeMutableRawBufferPointer?
    }

    private var bench: Bench<P>
    private let size: Int
    private var streams: [Stream] = []
    private var unsettled: [Int] = []
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    /// Bytes overwritten that no far end had read by then.
    private(set) var overwrittenUnread: UInt64 = 0

    init(_ port: consuming P, count: Int, size: Int, receiveBuffer: Int32 = 0) throws {
        bench = try Bench(port, seconds: 120)
        self.size = size
        let pairs = try Pairs()
        for slot in 0..<count {
            let pair = try pairs.make(.tcp)
            if receiveBuffer > 0 {
                Far.setBuffer(pair.far, SO_RCVBUF, receiveBuffer)
                Far.setBuffer(pair.near, SO_SNDBUF, receiveBuffer)
            }
            let key = CompletionKey(slot: slot, generation: 1)
            bench.port.associate(pair.near, key: key)
            streams.append(Stream(near: key, far: pair.far, block: .allocate(byteCount: size, alignment: 64)))
        }
    }

    deinit {
        for stream in streams {
            close(stream.far)
            stream.block.deallocate()
            stream.rest?.deallocate()
            stream.tracked?.deallocate()
        }
        input.deallocate()
    }

    var counters: PortCounters { bench.port.counters }

    /// Sends `rounds` blocks on every stream, with or without anybody reading meanwhile; then everything is read.
    func run(rounds: Int, reads: Bool) throws {
        for _ in 0..<rounds {
            for index in streams.indices { queue(index) }
            try turn()
            if reads { for index in streams.indices { try read(index) } }
        }
        var isDone = false
        while !isDone {
            try turn()
            isDone = true
            for index in streams.indices {
                try read(index)
                if streams[index].received < streams[index].queued { isDone = false }
            }
        }
    }

    private func queue(_ index: Int) {
        guard streams[index].tracked == nil, streams[index].rest == nil else { return }
        let block = streams[index].block
        for offset in 0..<size { block[offset] = patternByte(index, streams[index].queued &+ offset) }
        streams[index].queued += size
        streams[index].isUnsettled = true
        unsettled.append(index)
        let part = IOVector(UnsafeRawBufferPointer(block))
        withUnsafePointer(to: part) { bench.port.send(streams[index].near, UnsafeBufferPointer(start: $0, count: 1)) }
    }

    private func turn() throws {
        try bench.begin(1)
        var isSettled = false
        while let completion = bench.port.next() {
            if completion.kind == .blocked {
                try require(!isSettled, "blocked behind another completion")
                keepRest(completion)
                continue
            }
            if !isSettled { settle() }
            isSettled = true
            guard completion.kind == .drained else { throw Broken("\(completion.kind) of a stream that only sends") }
            streams[completion.key.slot].tracked?.deallocate()
            streams[completion.key.slot].tracked = nil
        }
        if !isSettled { settle() }
        for index in streams.indices {
            guard let rest = streams[index].rest else { continue }
            streams[index].rest = nil
            streams[index].tracked = rest
            bench.port.sendTracked(streams[index].near, UnsafeRawBufferPointer(rest))
        }
    }

    private func keepRest(_ completion: Completion) {
        var rest: [UInt8] = []
        bench.port.withUnsent(completion) { part, taken in rest.append(contentsOf: part[taken...]) }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, rest.count), alignment: 16)
        memory.copyBytes(from: rest)
        streams[completion.key.slot].rest = UnsafeMutableRawBufferPointer(rebasing: memory[..<rest.count])
    }

    /// Everything that was sent without a copy is overwritten.
    private func settle() {
        for index in unsettled {
            streams[index].block.initializeMemory(as: UInt8.self, repeating: 0xEE)
            streams[index].isUnsettled = false
            overwrittenUnread &+= UInt64(min(size, streams[index].queued - streams[index].received))
        }
        unsettled.removeAll(keepingCapacity: true)
    }

    private func read(_ index: Int) throws {
        while case .bytes(let count) = Far.read(streams[index].far, input) {
            let bytes = UnsafeRawBufferPointer(rebasing: input[..<count])
            try require(isPattern(bytes, index, from: streams[index].received), "other bytes at stream \(index)")
            streams[index].received += count
        }
    }
}
