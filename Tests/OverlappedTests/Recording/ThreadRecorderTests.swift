// SPDX-License-Identifier: Apache-2.0

import Glibc
import Platform
import Testing

@testable import Overlapped

/// What the recorder of a thread knows of descriptors, and when it must forget.
@Suite("Recorder of a thread")
struct ThreadRecorderTests {
    private final class Bench {
        let counts = Lock(TransitionCounts())
        let thread: ThreadRecorder
        let events: EventRecorder

        init() {
            let counts = counts
            let set = { TransitionSet { more in counts.withLock { $0.add(more) } } }
            thread = ThreadRecorder(real: set(), simulated: set())
            events = EventRecorder(set())
        }

        var texts: Set<String> { counts.withLock { $0.texts } }
    }

    /// Has the number of a socket name another one, without a moment in which it names none.
    private static func replace(_ number: Int32) {
        let socket = makeSocket()
        #expect(dup2(socket, number) == number)
        Glibc.close(socket)
    }

    private static func makeSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }

    @Test("what was known of a socket is kept while its number names it, and not for the next")
    func anotherFile() {
        let bench = Bench()
        let number = Self.makeSocket()
        bench.events.watched(number, data: EpollSource.listener, in: bench.thread)
        bench.thread.shut(number, Int32(SHUT_WR), -1, ENOTCONN)
        bench.thread.shut(number, Int32(SHUT_WR), 0, 0)
        // As if by another thread, past every recorder.
        Self.replace(number)
        bench.thread.shut(number, Int32(SHUT_RDWR), 0, 0)
        bench.events.watched(number, data: EpollSource.listener, in: bench.thread)
        Glibc.close(number)
        bench.thread.closed(number, -1, EBADF)
        #expect(
            bench.texts == [
                "epoll shutdown of sending -> ENOTCONN", "epoll shutdown of sending [sending shut] -> done",
                "plain shutdown -> done", "plain close -> EBADF",
            ])
    }
}
