// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Platform
import Testing

/// What becomes of memory: that which a blocked send names is there until it has been told, and that which is not
/// there is noticed.
@Suite struct FaultTests {
    private struct MissingMemory: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            let page = try #require(mmap(nil, 4_096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
            defer { munmap(page, 4_096) }
            rig.send(stream.key, [UnsafeRawBufferPointer(start: page, count: 4_096)])
            try rig.run("the stream ends") { !stream.ended.isEmpty }
            #expect(stream.ended == [EFAULT])
            #expect(rig.port.counters.faults > 0)
            peer.close()
        }
    }

    /// Where freed memory is inaccessible the port traps instead: `make sanitize` sees to that.
    @Test(
        "memory that is not there ends the stream and is counted", .enabled(if: !IOMemory.isGuarded),
        arguments: PortKind.all)
    func missingMemory(kind: PortKind) throws { try kind.check(MissingMemory()) }
}
