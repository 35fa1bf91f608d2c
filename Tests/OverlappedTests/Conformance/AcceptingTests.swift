// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What ports promise about listeners.
@Suite struct AcceptingTests {
    private static func listener() throws -> (descriptor: Int32, address: SocketAddress) {
        guard let any = SocketAddress("127.0.0.1:0") else { throw Peer.Failure(call: "address", code: 0) }
        let descriptor = try Sockets.listen(on: any, sharesPort: true)
        guard let address = SocketAddress(localOf: descriptor) else {
            throw Peer.Failure(call: "getsockname", code: errno)
        }
        return (descriptor, address)
    }

    private struct Crowd: PortRule {
        let count: Int

        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (descriptor, address) = try listener()
            let rig = try Rig(capacity: 4, make)
            rig.port.accept(on: descriptor, listener: 7)
            var peers: [Peer] = []
            while peers.count < count {
                for _ in 0..<min(200, count - peers.count) { peers.append(try Peer(to: address)) }
                try rig.turn(0)
            }
            try rig.run("\(count) connections") { rig.accepted.count == count }
            for _ in 0..<3 { try rig.turn(1) }
            #expect(rig.accepted.allSatisfy { $0.listener == 7 })
            #expect(Set(rig.accepted.map(\.descriptor)).count == count)
            let theirs = Set(peers.compactMap { SocketAddress(localOf: $0.descriptor) })
            let ours = Set(rig.accepted.compactMap { SocketAddress(peerOf: $0.descriptor) })
            #expect(ours == theirs)
            for (_, descriptor) in rig.accepted { Sockets.close(descriptor) }
            rig.expectOrder()
        }
    }

    @Test("every connection is accepted once", .manySockets, arguments: PortKind.all)
    func crowd(kind: PortKind) throws { try kind.check(Crowd(count: 500)) }

    @Test("thousands of connections are accepted once each", .manySockets, arguments: PortKind.ends)
    func thousands(kind: PortKind) throws { try kind.check(Crowd(count: TestLevel.isFull ? 3_000 : 2_000)) }

    private struct StopAccepting: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            for early in 0..<4 {
                let (descriptor, address) = try listener()
                let rig = try Rig(capacity: 4, make)
                rig.port.accept(on: descriptor, listener: 3)
                if early & 1 != 0 { try rig.turn(0) }
                let peers = try (0..<100).map { _ in try Peer(to: address) }
                if early & 2 != 0 { try rig.turn(0) }
                rig.port.stopAccepting(listener: 3)
                rig.port.stopAccepting(listener: 3)
                try rig.run("acceptStopped") { rig.acceptStops == [3] }
                #expect(rig.accepted.count == 100, "what waited in the queue is not reset")
                for (_, descriptor) in rig.accepted {
                    var byte: UInt8 = 9
                    #expect(send(descriptor, &byte, 1, Int32(MSG_NOSIGNAL)) == 1)
                    Sockets.close(descriptor)
                }
                for peer in peers { #expect(try peer.receiveAll() == [9]) }
                #expect(throws: (any Error).self) { _ = try Peer(to: address) }
                for _ in 0..<3 { try rig.turn(1) }
                #expect(rig.acceptStops == [3])
                #expect(rig.accepted.count == 100)
                // The number is free again.
                let (next, nextAddress) = try listener()
                rig.port.accept(on: next, listener: 3)
                let peer = try Peer(to: nextAddress)
                try rig.run("the next listener") { rig.accepted.count == 101 }
                Sockets.close(rig.accepted[100].descriptor)
                peer.close()
                rig.expectOrder()
            }
        }
    }

    @Test("stopAccepting delivers those who wait, then acceptStopped, then nothing", arguments: PortKind.all)
    func stop(kind: PortKind) throws { try kind.check(StopAccepting()) }

    private struct OutOfDescriptors: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            // What runs the test may open or close a descriptor meanwhile; a port that is wrong is so every time.
            for _ in 0..<5 where try isUndisturbed(make) { return }
            Issue.record("five times not as many were accepted as there were descriptors")
        }

        /// Whether exactly the two descriptors that were free have been taken when accepting pauses.
        private func isUndisturbed<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws -> Bool {
            let (descriptor, address) = try listener()
            let rig = try Rig(capacity: 4, make)
            rig.port.accept(on: descriptor, listener: 0)
            let peers = try (0..<6).map { _ in try Peer(to: address) }
            defer {
                for peer in peers { peer.close() }
                for each in rig.accepted { close(each.descriptor) }
            }
            // Exactly two are free below the limit, whatever this process has inherited.
            let free = (dup(0), dup(0))
            close(free.0)
            close(free.1)
            var limit = rlimit(rlim_cur: rlim_t(free.1) + 1, rlim_max: 1_024)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            guard setrlimit(resource, &limit) == 0 else { throw Peer.Failure(call: "setrlimit", code: errno) }
            try rig.run("acceptPaused") { !rig.acceptPauses.isEmpty }
            for _ in 0..<3 { try rig.turn(1) }
            let taken = rig.accepted.map(\.descriptor)
            limit.rlim_cur = 1_024
            _ = setrlimit(resource, &limit)
            guard Set(taken) == [free.0, free.1] else { return false }
            #expect(rig.acceptPauses == [EMFILE], "once per pause")
            rig.port.resumeAccepting(listener: 0)
            rig.port.resumeAccepting(listener: 0)
            try rig.run("the others") { rig.accepted.count == 6 }
            #expect(rig.acceptPauses == [EMFILE])
            rig.expectOrder()
            return true
        }
    }

    @Test("without descriptors accepting pauses, says so once, and goes on when told")
    func outOfDescriptors() async {
        // In a process of its own, because the limit is everybody's.
        await #expect(processExitsWith: .success) { try PortKind.uring(disabled: []).check(OutOfDescriptors()) }
        await #expect(processExitsWith: .success) { try PortKind.uring(disabled: .all).check(OutOfDescriptors()) }
        await #expect(processExitsWith: .success) { try PortKind.epoll.check(OutOfDescriptors()) }
    }
}
