// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// What a worker is doing now: a page that its owner writes with plain stores and the watchdog reads at leisure.
///
/// The fields of a turn that goes on are not changing, so whoever reads the same `began` before and after them has read
/// them together.
struct WorkerActivity: ~Copyable {
    /// Parts of a turn. Waiting in the port is none.
    enum Phase: UInt8 {
        case completions
        case mail
        case perform
        case slowPart
        case slowPartEnd
        case message
        case packet
        case bytes
        case opening
        case closing
        case timers
        case sessionTimer
        case periodic
        case turnHook
        case ends
        case flush
        case fault
    }

    /// When the turn began, `MonotonicClock` nanoseconds; 0 while the worker waits.
    private let began = Atomic<UInt64>(0)
    private let turn = Atomic<UInt64>(0)
    /// `phase:8 | detail:24 | count:32`; the count tells two packets of one type apart.
    private let doing = Atomic<UInt64>(0)
    private let session = Atomic<UInt64>(0)
    /// When the worker last read the processor time of its thread, and what it was.
    private let read = Atomic<UInt64>(0)
    private let processorTime = Atomic<UInt64>(0)
    /// The processor time clock of the worker's thread; -1 before it runs, because 0 is CLOCK_REALTIME.
    private let clock = Atomic<Int32>(-1)

    // MARK: Owner

    /// Makes the calling thread's processor time readable.
    func adoptThread() {
        var identifier = clockid_t()
        guard pthread_getcpuclockid(pthread_self(), &identifier) == 0 else { return }
        clock.store(identifier, ordering: .relaxed)
    }

    @inline(__always)
    func begin(_ now: UInt64, turn number: UInt64) {
        doing.store(0, ordering: .relaxed)
        turn.store(number, ordering: .relaxed)
        began.store(now, ordering: .releasing)
    }

    /// Says what processor time the thread has used by now. Called between turns.
    func readProcessorTime(at now: UInt64) {
        var time = timespec()
        guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return }
        read.store(now, ordering: .relaxed)
        processorTime.store(Self.nanoseconds(time), ordering: .relaxed)
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    @inline(__always)
    func end() { began.store(0, ordering: .relaxed) }

    @inline(__always)
    func note(_ phase: Phase, detail: UInt32 = 0, count: UInt64 = 0) {
        let place = UInt64(phase.rawValue) << 56 | UInt64(detail & 0xFF_FFFF) << 32
        doing.store(place | count & 0xFFFF_FFFF, ordering: .relaxed)
    }

    @inline(__always)
    func note(_ id: SessionID) { session.store(id.rawValue, ordering: .relaxed) }

    // MARK: Watchdog

    /// What a look found.
    struct Sample: Equatable {
        /// 0: the worker waits.
        var began: UInt64 = 0
        var turn: UInt64 = 0
        var doing: UInt64 = 0
        var session: UInt64 = 0
        /// Processor time of the thread so far, in nanoseconds.
        var processorTime: UInt64 = 0
        /// What that was at most when the turn began.
        var base: UInt64 = 0

        var phase: Phase? { Phase(rawValue: UInt8(truncatingIfNeeded: doing >> 56)) }
        var detail: UInt32 { UInt32(truncatingIfNeeded: doing >> 32 & 0xFF_FFFF) }
    }

    /// Reads the page; nil when a turn began or ended meanwhile. A thread that is not there has used no time.
    func sample() -> Sample? {
        var sample = Sample()
        sample.began = began.load(ordering: .acquiring)
        sample.turn = turn.load(ordering: .relaxed)
        sample.doing = doing.load(ordering: .relaxed)
        sample.session = session.load(ordering: .relaxed)
        // Between the reading and the beginning of the turn the thread has run all the time at most.
        sample.base = processorTime.load(ordering: .relaxed) &+ (sample.began &- read.load(ordering: .relaxed))
        let identifier = clock.load(ordering: .relaxed)
        var time = timespec()
        if identifier != -1, clock_gettime(identifier, &time) == 0 {
            sample.processorTime = Self.nanoseconds(time)
        }
        guard began.load(ordering: .acquiring) == sample.began else { return nil }
        return sample
    }
}
