// SPDX-License-Identifier: Apache-2.0

import Glibc
import Platform
import Testing

@testable import Overlapped

/// What the recorder of a ring makes of submissions and completions, and that it notices what no kernel may do.
@Suite("Recorder of a ring")
struct RingRecorderTests {
    private static let buffer: UInt32 = 1 << 0
    private static let more: UInt32 = 1 << 1
    private static let bufferMore: UInt32 = 1 << 4

    /// A recorder and what it has told.
    private final class Bench {
        let counts = Lock(TransitionCounts())
        let thread: ThreadRecorder
        let ring: RingRecorder

        init() {
            let counts = counts
            let set = { TransitionSet { more in counts.withLock { $0.add(more) } } }
            thread = ThreadRecorder(real: set(), simulated: set())
            ring = RingRecorder(set())
        }

        func take(_ subject: Transition.Subject, _ operation: UInt64, asked: Int = 0, target: UInt64 = 0) {
            ring.took(Submission(subject, userData: operation, file: 7, asked: asked, target: target), in: thread)
        }

        func complete(_ operation: UInt64, _ result: Int32, _ flags: UInt32 = 0) {
            ring.completed(operation, result, flags, in: thread)
        }

        func leave() {
            ring.left(
                RingRecorder.Enter(submits: 1, waits: 0, flags: 1), 1, hasWorkLeft: false, isOverflowing: false,
                in: thread)
        }

        var texts: Set<String> { counts.withLock { $0.texts } }
        var violations: [KernelViolation: UInt64] { counts.withLock { $0.violationCounts } }
    }

    private static let receive = UInt64(1) << 8 | UringOperation.receive
    private static let send = UInt64(1) << 8 | UringOperation.silentSend

    @Test("a receive is told by what it has brought, and by what was asked of it")
    func receive() {
        let bench = Bench()
        bench.ring.gave(buffer: 0, size: 100)
        bench.take(.receiveMultishot, Self.receive)
        bench.complete(Self.receive, 40, Self.buffer | Self.more | Self.bufferMore)
        bench.complete(Self.receive, 60, Self.buffer | Self.more)
        bench.take(.cancelReceive, 3, target: Self.receive)
        bench.complete(3, -EALREADY)
        bench.complete(Self.receive, 0)
        bench.leave()
        #expect(
            bench.texts.isSuperset(of: [
                "ring receive multishot -> bytes, more, buffer, buffer goes on",
                "ring receive multishot [has brought some] -> bytes, more, buffer",
                "ring cancel of receive [target armed] -> EALREADY",
                "ring receive multishot [has brought some; cancel came late] -> 0",
            ]))
        #expect(bench.violations.isEmpty)
    }

    @Test("a silent send is told by its silence, a failed one by where it stands")
    func silentSend() {
        let bench = Bench()
        bench.take(.silentSend, Self.send, asked: 10)
        bench.leave()
        bench.take(.silentSend, Self.send, asked: 10)
        bench.take(.close, 5)
        bench.complete(5, 0)
        bench.complete(Self.send, -EAGAIN)
        bench.leave()
        #expect(
            bench.texts.isSuperset(of: ["ring silent send -> silence", "ring silent send -> EAGAIN, behind others"]))
        #expect(bench.violations.isEmpty)
    }

    @Test("what no kernel may do is noticed, each kind", arguments: KernelViolation.allCases)
    func violations(kind: KernelViolation) {
        let bench = Bench()
        bench.ring.gave(buffer: 0, size: 100)
        bench.take(.receiveMultishot, Self.receive)
        bench.take(.silentSend, Self.send, asked: 10)
        switch kind {
        case .notArmed: bench.complete(99 << 8 | UringOperation.close, 0)
        case .saidTwice:
            bench.complete(Self.receive, 0)
            bench.complete(Self.receive, 0)
        case .silentSuccess: bench.complete(Self.send, 10)
        case .foreignBuffer: bench.complete(Self.receive, 5, Self.buffer | Self.more | 3 << 16)
        case .tooMany: bench.complete(Self.receive, 101, Self.buffer | Self.more)
        case .outsideEnter: bench.ring.appeared(outsideEnter: 1)
        }
        bench.leave()
        #expect(bench.violations == [kind: 1])
    }

    @Test("a transition is the same again from its bits")
    func packed() throws {
        var transition = Transition(.receiveLimited)
        transition.last = .some
        transition.cancel = .late
        transition.side = .bothShut
        transition.told = .end
        transition.outcome = .error
        transition.code = UInt8(ENOBUFS)
        transition.marks = [.limitReached, .submits]
        let again = try #require(Transition(packed: transition.packed))
        #expect(again.description == transition.description)
        #expect(
            again.description
                == "ring receive multishot with a limit [has brought some; cancel came late; shut; end told; submits] "
                + "-> ENOBUFS, limit reached")
    }
}
