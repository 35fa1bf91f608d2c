// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
@_spi(Measuring) internal import Overlapped

/// One io_uring as its kernel has it: the memory of the two queues, what is armed, and the deferred work that an enter
/// carries out (IORING_SETUP_DEFER_TASKRUN).
final class SimulatedRing: Waitable {
    /// What an enter has to carry out.
    enum Work {
        case receive(SimulatedSocket)
        case send(SimulatedSocket)
        case accept(SimulatedListener)
        case read(SimulatedEvent)
        case post(userData: UInt64, result: Int32)
    }

    /// What can be cancelled, by its user data.
    enum Armed {
        case receive(SimulatedSocket)
        case send(SimulatedSocket)
        case accept(SimulatedListener)
    }

    unowned let machine: SimulatedMachine
    var descriptor: Int32 = -1
    let memory: RingMemory
    var isEnabled = false
    @exclusivity(unchecked) private(set) var work: [Work] = []
    @exclusivity(unchecked) private var workHead = 0
    @exclusivity(unchecked) var armed: [UInt64: Armed] = [:]
    @exclusivity(unchecked) var table: [SimulatedSocket?] = []
    /// Places of the table that were given no socket, as -1 says.
    @exclusivity(unchecked) var emptied: Set<Int> = []
    @exclusivity(unchecked) var buffers: SimulatedBuffers?
    @exclusivity(unchecked) private var overflow: [io_uring_cqe] = []
    @exclusivity(unchecked) private var overflowHead = 0
    /// Failures of silent sends that are told behind the other completions of their enter.
    @exclusivity(unchecked) var late: [(userData: UInt64, result: Int32)] = []

    /// Deferred events that one enter hands over at most, as the kernel does.
    private static let workLimit = 20

    init(_ machine: SimulatedMachine, submissions: UInt32, completions: UInt32) {
        self.machine = machine
        memory = RingMemory(submissions: submissions, completions: completions)
    }

    var isReady: Bool { hasCompletions || hasWork || hasOverflow }
    var hasCompletions: Bool { memory.completionHead != memory.completionTail }
    var hasWork: Bool { workHead < work.count }
    private var hasOverflow: Bool { overflowHead < overflow.count }

    // MARK: Work

    func add(_ item: Work) {
        work.append(item)
        publishFlags()
    }

    private func takeWork() -> Work {
        if work.count - workHead > 1, machine.strikes(.reorder) {
            machine.marks.make(.reordered)
            work.swapAt(workHead, workHead + machine.dice.below(work.count - workHead))
        }
        let item = work[workHead]
        workHead += 1
        if workHead == work.count {
            work.removeAll(keepingCapacity: true)
            workHead = 0
        }
        return item
    }

    /// What an enter with GETEVENTS does.
    func runWork() {
        // What has overflowed may stay where it is although there is room.
        if !machine.strikes(.earlyWake) { flushOverflow() }
        var count = 0
        let limit = machine.dice.chance(100) ? machine.dice.within(1...Self.workLimit) : Self.workLimit
        while hasWork, count < limit {
            count += 1
            machine.elapse()
            switch takeWork() {
            case .receive(let socket): receive(socket)
            case .send(let socket): goOnSending(socket)
            case .accept(let listener): accept(listener)
            case .read(let event): read(event)
            case .post(let userData, let result): post(userData, result)
            }
        }
        if hasWork { machine.marks.make(.workLeft) }
    }

    // MARK: Completions

    /// Appends a completion; what finds no room waits until there is some.
    ///
    /// - Returns: whether there was room; a multishot operation ends where there was none.
    @discardableResult
    func post(_ userData: UInt64, _ result: Int32, _ flags: UInt32 = 0) -> Bool {
        machine.completions += 1
        machine.note(userData)
        // A descriptor has the kernel's own number in it, which is no part of the run.
        let told = result >= ForeignKernel.firstDescriptor ? Int32(machine.number(of: result)) : result
        machine.note(UInt64(UInt32(bitPattern: told)) << 32 | UInt64(flags & 0xFFFF))
        machine.say(
            "ring \(machine.number(of: descriptor)): \(OperationText.describe(userData)) → \(told)"
                + (flags & UInt32(CL_CQE_F_MORE) != 0 ? ", more" : ""))
        guard !hasOverflow, memory.freeCompletions > 0 else {
            machine.marks.make(.overflow)
            var entry = io_uring_cqe()
            entry.user_data = userData
            entry.res = result
            entry.flags = flags
            overflow.append(entry)
            publishFlags()
            return false
        }
        memory.append(userData, result, flags)
        return true
    }

    /// Whether the next completion would find room.
    var hasRoom: Bool { !hasOverflow && memory.freeCompletions > 0 }

    func flushOverflow() {
        guard hasOverflow else { return }
        while hasOverflow, memory.freeCompletions > 0 {
            let entry = overflow[overflowHead]
            overflowHead += 1
            memory.append(entry.user_data, entry.res, entry.flags)
        }
        if !hasOverflow {
            overflow.removeAll(keepingCapacity: true)
            overflowHead = 0
        }
        publishFlags()
    }

    /// Whether completions wait for room and there is none.
    var isStuck: Bool { hasOverflow && memory.freeCompletions == 0 }

    func publishFlags() {
        memory.setFlags(
            (hasWork ? UInt32(CL_SQ_TASKRUN) : 0) | (hasOverflow ? UInt32(CL_SQ_CQ_OVERFLOW) : 0))
    }

    /// Tells the failures that are told late.
    func postLate() {
        guard !late.isEmpty else { return }
        for failure in late {
            machine.marks.make(.lateFailure)
            if !post(failure.userData, failure.result) { machine.marks.make(.overflowFailure) }
        }
        late.removeAll(keepingCapacity: true)
    }

    /// The ring goes: what is armed goes with it, without a word.
    func endAll() {
        for operation in armed.values {
            switch operation {
            case .receive(let socket): socket.receiver = nil
            case .send(let socket): socket.sender = nil
            case .accept(let listener): listener.armed = nil
            }
        }
        armed.removeAll()
        for socket in table { if let socket { machine.dropReference(socket) } }
        table.removeAll()
        work.removeAll()
        workHead = 0
    }

    func disarm(_ userData: UInt64) { armed[userData] = nil }
}
