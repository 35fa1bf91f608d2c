// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What is special about sockets in the ring's own table; that they keep the ten promises is the conformance suite's.
@Suite struct DirectDescriptorTests {
    private static func makePort(
        capacity: Int, without disabled: UringFeatures = []
    ) throws -> UringPort {
        try UringPort(
            capacity: capacity, features: try UringPreflight.run(disabled: disabled), directDescriptors: true)
    }

    @Test("streams cost the process no descriptor, and give their place back")
    func descriptors() async {
        // In a process of its own, because elsewhere in this one descriptors come and go.
        await #expect(processExitsWith: .success) {
            func count() -> Int { (0..<4_096).count { fcntl(Int32($0), F_GETFD) >= 0 } }
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 200) { try DirectDescriptorTests.makePort(capacity: $0) }
            try rig.turn(0)
            let before = count()
            for generation in UInt32(1)...3 {
                var peers: [Peer] = []
                let streams = try (0..<200).map { slot in
                    let (near, peer) = try pairs.make()
                    peers.append(peer)
                    return rig.add(near, slot: slot, generation: generation)
                }
                guard count() == before + peers.count else { throw Peer.Failure(call: "held", code: EMFILE) }
                for (slot, stream) in streams.enumerated() { rig.send(stream.key, [UInt8(slot)]) }
                try rig.turn(0)
                for (slot, peer) in peers.enumerated() {
                    guard try peer.receive(exactly: 1) == [UInt8(slot)] else {
                        throw Peer.Failure(call: "somebody else's byte", code: EINVAL)
                    }
                }
                for stream in streams { rig.port.close(stream.key, hard: false) }
                try rig.run("closed") { streams.allSatisfy { $0.closed == 1 } }
                for peer in peers { guard try peer.receiveAll().isEmpty else { throw Peer.Failure(call: "", code: 0) } }
            }
        }
    }

    @Test("a table above the limit of open files is refused with the remedy")
    func tooLarge() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        guard limit.rlim_cur < CompletionKey.slotLimit else { return }
        let error = #expect(throws: PortError.self) { _ = try Self.makePort(capacity: Int(limit.rlim_cur) + 1) }
        #expect(error?.code == EMFILE)
        let line = error.map { "\($0)" } ?? ""
        #expect(line.contains("ulimit -n"))
        _ = try Self.makePort(capacity: Int(limit.rlim_cur))
    }

    @Test("without silent sends there are no direct descriptors, and the port says so")
    func withoutSilentSends() throws {
        #expect(try !UringPreflight.run(disabled: .silentSend).contains(.directDescriptors))
        for missing: UringFeatures in [.silentSend, .directDescriptors] {
            let error = #expect(throws: PortError.self) { _ = try Self.makePort(capacity: 4, without: missing) }
            #expect(error?.code == EOPNOTSUPP)
        }
    }

    private struct DeadDescriptor: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let rig = try Rig(make)
            let stream = rig.add(-1, slot: 0)
            try rig.run("ended") { stream.ended == [EBADF] }
            rig.port.close(stream.key, hard: true)
            try rig.run("closed") { stream.closed == 1 }
            rig.expectOrder()
        }
    }

    @Test("a dead descriptor ends its stream as on any other port", arguments: PortKind.ends)
    func deadDescriptor(kind: PortKind) throws { try kind.check(DeadDescriptor()) }
}
