// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Platform
import Wire

/// Mistakes on purpose, one for each thing that `make sanitize` says is not there: a build in which they go unnoticed
/// proves nothing. The one to make is the argument.
@main
enum Canaries {
    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "overflow": overflow()
        case "leak": leak()
        case "block": useFreedBlock()
        case "race": race()
        case "slice-uring": try readOldSlice { try UringPort(capacity: 1, features: UringPreflight.run()) }
        case "slice-epoll": try readOldSlice { try EpollPort(capacity: 1) }
        case "send-uring": try freeTooEarly { try UringPort(capacity: 1, features: UringPreflight.run()) }
        default: exit(64)
        }
        print("nothing was noticed")
    }

    /// Reads so that the compiler does not know what becomes of it.
    @inline(never)
    private static func look(_ address: UnsafeRawPointer) {
        print("read \(address.loadUnaligned(as: UInt8.self))")
    }

    private static func overflow() {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 24, alignment: 8)
        bytes.initializeMemory(as: UInt8.self, repeating: 1, count: 24)
        look(bytes + 24)
        bytes.deallocate()
    }

    @inline(never)
    private static func leak() {
        for _ in 0..<100 {
            UnsafeMutableRawPointer.allocate(byteCount: 1_000, alignment: 8).storeBytes(of: 1, as: Int.self)
        }
    }

    private static func useFreedBlock() {
        var pool = BlockPool()
        let block = pool.take(atLeast: 100)
        block.initializeMemory(as: UInt8.self, repeating: 1)
        pool.giveBack(block)
        if let start = block.baseAddress { look(start + 32) }
    }

    private final class Shared: @unchecked Sendable { var count = 0 }

    private static func race() {
        let shared = Shared()
        var thread = pthread_t()
        let argument = Unmanaged.passUnretained(shared).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Shared>.fromOpaque(argument).takeUnretainedValue().count += 1
                return nil
            }, argument)
        shared.count += 1
        pthread_join(thread, nil)
        print(shared.count)
    }

    // MARK: Ports

    private struct Pair {
        let near: Int32
        let far: Int32

        init() {
            var ends: (Int32, Int32) = (-1, -1)
            _ = withUnsafeMutableBytes(of: &ends) {
                socketpair(
                    AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0.baseAddress?.assumingMemoryBound(to: Int32.self))
            }
            (near, far) = ends
        }

        func write() { _ = Glibc.write(far, "0123456789abcdef", 16) }
    }

    private static let key = CompletionKey(slot: 0, generation: 1)

    private static func nextSlice<P: CompletionPort & ~Copyable>(_ port: inout P) throws -> UnsafeRawBufferPointer {
        for _ in 0..<100 {
            try port.wait(until: MonotonicClock.now() + 100_000_000)
            while let completion = port.next() {
                if completion.kind == .received { return port.bytes(of: completion.slice) }
            }
        }
        exit(65)
    }

    /// Promise 4: a slice may be read until the next `wait`.
    private static func readOldSlice<P: CompletionPort & ~Copyable>(_ make: () throws -> P) throws {
        let pair = Pair()
        var port = try make()
        try port.open()
        port.associate(pair.near, key: key)
        port.receive(key)
        pair.write()
        guard let old = try nextSlice(&port).baseAddress else { return }
        look(old)
        try port.wait(until: 1)
        _ = port.next()
        look(old)
    }

    /// Promise 5: the memory of a send belongs to the port until it is settled. The kernel looks for it in `wait`.
    private static func freeTooEarly<P: CompletionPort & ~Copyable>(_ make: () throws -> P) throws {
        let pair = Pair()
        var port = try make()
        try port.open()
        port.associate(pair.near, key: key)
        var pool = BlockPool()
        let block = pool.take(atLeast: 4_096)
        block.initializeMemory(as: UInt8.self, repeating: 1)
        withUnsafePointer(to: IOVector(UnsafeRawBufferPointer(block))) {
            port.send(key, UnsafeBufferPointer(start: $0, count: 1))
        }
        pool.giveBack(block)
        try port.wait(until: 1)
        while port.next() != nil {}
    }
}
