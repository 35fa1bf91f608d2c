// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) public import Overlapped

/// A machine that exists in a seed: its kernel, its clock, its threads and its network.
///
/// The ports of the engine run on it unchanged (`ForeignKernel`): they fill submission queues, and this kernel takes
/// them, moves bytes, and fills completion queues, with every fault that its plan allows. Time passes when threads run
/// and when nothing can; a thread that waits in a system call gives way to another of the machine's choice.
@_spi(Measuring)
public final class SimulatedMachine: ForeignKernel {
    /// What a descriptor names.
    enum File {
        case none
        case socket(SimulatedSocket)
        case listener(SimulatedListener)
        case event(SimulatedEvent)
        case ring(SimulatedRing)
        case set(SimulatedEventSet)
    }

    /// Draws everything.
    @exclusivity(unchecked) public var dice: Dice
    /// What goes wrong; may be changed at any time.
    @exclusivity(unchecked) public var plan: FaultPlan
    /// Nanoseconds of the machine.
    @exclusivity(unchecked) public internal(set) var clock: UInt64 = 1_000_000_000_000
    /// What has happened.
    @exclusivity(unchecked) public internal(set) var marks = Marks()
    /// The first thing that no kernel allows or that no server may do; the run is over then.
    @exclusivity(unchecked) public private(set) var failure: String?
    /// Told of each event of the simulator's own.
    public var onEvent: (Int) -> Void = { _ in }
    /// Told of everything, in words, when somebody wants to read it.
    @exclusivity(unchecked) public var log: ((String) -> Void)?
    /// A digest of everything that happened in its order: two runs of a seed have the same.
    @exclusivity(unchecked) public private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Completions and readiness events told so far.
    @exclusivity(unchecked) public internal(set) var completions = 0
    /// How long a client may take nothing before the kernel ends its connection, in nanoseconds (TCP_USER_TIMEOUT,
    /// tcp(7), which servers set on their listeners); 0: for ever.
    public var sendTimeout: UInt64 = 0
    /// How long a segment travels, in nanoseconds.
    public var travelRange = 1_000...1_000_000
    /// Whether a thread that has nothing to wait for may be kept from running for long.
    public var threadCost = 1_000...30_000

    @exclusivity(unchecked) var files: [File] = []
    private var firstFree = 0
    private var lastUser: [Int] = []
    @exclusivity(unchecked) var events = EventQueue()
    @exclusivity(unchecked) private var threads: [Fiber] = []
    @exclusivity(unchecked) private(set) var current: Int?
    /// What threads of the kernel's own have to do, by number.
    @exclusivity(unchecked) private var jobs: [Int: () -> Void] = [:]
    @exclusivity(unchecked) private var jobCount = 0
    /// Every connection that there was.
    @exclusivity(unchecked) var connections: [SimulatedSocket] = []

    /// Makes a machine.
    public init(seed: UInt64, plan: FaultPlan = FaultPlan()) {
        dice = Dice(seed: seed)
        self.plan = plan
        super.init()
    }

    // MARK: The kernel's side (see the extensions)

    public override func now() -> UInt64 { clock }
    public override func makeRing(_ ring: UnsafeMutableRawPointer, submissions: UInt32, completions: UInt32) -> Int32 {
        makeSimulatedRing(ring, submissions, completions)
    }
    public override func removeRing(_ descriptor: Int32) { removeSimulatedRing(descriptor) }
    public override func enter(
        _ ring: Int32, submit: UInt32, wait: UInt32, flags: UInt32, argument: UnsafeRawPointer?
    ) -> Int32 {
        guard case .ring(let ring) = file(ring) else { return -9 }
        return enterRing(ring, submit, wait, flags, argument)
    }
    public override func register(
        _ ring: Int32, _ operation: UInt32, _ argument: UnsafeRawPointer?, _ count: UInt32
    ) -> Int32 {
        guard case .ring(let ring) = file(ring) else { return -9 }
        return registerWith(ring, operation, argument, count)
    }
    public override func makeEvent() -> Int32 { open(.event(SimulatedEvent())) }
    public override func signal(_ event: Int32) { signalEvent(event) }
    public override func close(_ descriptor: Int32) -> Int32 { closeFile(descriptor) }
    public override func shutdown(_ descriptor: Int32, _ how: Int32) -> Int32 {
        elapse()
        return shut(descriptor, how)
    }
    public override func endWithReset(_ descriptor: Int32) {
        if case .socket(let socket) = file(descriptor), !socket.isLocal { socket.endsWithReset = true }
    }
    public override func accept(_ listener: Int32) -> Int32 {
        guard case .listener(let listener) = file(listener) else { return -9 }
        return acceptCall(listener)
    }
    public override func isWaiting(_ listener: Int32) -> Bool {
        guard case .listener(let listener) = file(listener) else { return false }
        return !listener.waiting.isEmpty
    }
    public override func peer(of descriptor: Int32) -> SocketAddress? {
        guard case .socket(let socket) = file(descriptor), !socket.isDead else { return nil }
        return socket.address
    }
    public override func send(_ descriptor: Int32, _ parts: UnsafeBufferPointer<IOVector>) -> Int {
        elapse()
        guard case .socket(let socket) = file(descriptor) else { return -9 }
        return transmit(socket, parts)
    }
    public override func receive(_ descriptor: Int32, _ memory: UnsafeMutableRawBufferPointer) -> Int {
        elapse()
        guard case .socket(let socket) = file(descriptor) else { return -9 }
        return receiveNow(socket, memory)
    }
    public override func makeEventSet() -> Int32 { open(.set(SimulatedEventSet(self))) }
    public override func control(
        _ set: Int32, _ operation: Int32, _ watched: Int32, _ interest: UInt32, data: UInt64
    ) -> Int32 { controlSet(set, operation, watched, interest, data) }
    public override func events(
        _ set: Int32, _ events: UnsafeMutableRawPointer, count: Int32, nanoseconds: UInt64?
    ) -> Int32 { waitForEvents(set, events, count, nanoseconds) }

    // MARK: Words

    /// Notes that something happened that must not.
    public func fail(_ what: @autoclosure () -> String) {
        guard failure == nil else { return }
        let text = what()
        failure = text
        log?("FAILED: \(text)")
    }

    func require(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { fail(what()) }
    }

    /// Mixes what happened into the digest.
    @inline(__always)
    public func note(_ value: UInt64) { digest = (digest ^ value) &* 0x0000_0100_0000_01B3 }

    @inline(__always)
    func say(_ text: @autoclosure () -> String) {
        guard let log else { return }
        log("\((clock - 1_000_000_000_000) / 1_000) µs: \(text())")
    }

    @inline(__always)
    func strikes(_ fault: Fault) -> Bool {
        let rate = plan[fault]
        return rate > 0 && dice.chance(rate)
    }

    // MARK: Descriptors

    /// Gives out the lowest free number, as kernels do.
    func open(_ file: File) -> Int32 {
        var number = firstFree
        while number < files.count {
            if case .none = files[number] { break }
            number += 1
        }
        if number == files.count {
            files.append(file)
            lastUser.append(-1)
        } else {
            files[number] = file
            marks.make(.descriptorReused)
            if lastUser[number] != (current ?? -1) { marks.make(.descriptorReusedElsewhere) }
        }
        firstFree = number + 1
        return descriptor(number)
    }

    func free(_ descriptor: Int32) {
        let number = number(of: descriptor)
        files[number] = .none
        lastUser[number] = current ?? -1
        firstFree = min(firstFree, number)
    }

    func file(_ descriptor: Int32) -> File {
        guard descriptor >= Self.firstDescriptor else { return .none }
        let number = number(of: descriptor)
        return number < files.count ? files[number] : .none
    }

    /// Descriptors in use.
    public var openCount: Int {
        files.count { if case .none = $0 { false } else { true } }
    }

    // MARK: Threads

    /// Adds a thread, which runs `body` from its first turn on.
    public func addThread(_ body: @escaping () -> Void) { threads.append(Fiber(body)) }

    /// Whether all threads have come to their end.
    public var hasEnded: Bool { threads.allSatisfy(\.hasEnded) }

    /// Gives way between two turns of a thread, when it waits for nothing.
    public func giveWay() {
        guard let current else { return }
        threads[current].wait = .nothing
        threads[current].giveWay()
    }

    /// Waits in a system call until `source` has something or the time has come, or perhaps for nothing.
    func wait(on source: any Waitable, until deadline: UInt64) {
        guard let current else { return passTime(source, until: deadline) }
        threads[current].wait = .source(source, deadline: deadline)
        threads[current].giveWay()
        threads[current].wait = .nothing
    }

    /// Without threads, as in a test with one port, the network goes on meanwhile.
    private func passTime(_ source: any Waitable, until deadline: UInt64) {
        while !source.isReady, clock < deadline, failure == nil {
            guard events.nextTime != .max || deadline != .max else { return }
            guard events.nextTime <= deadline else {
                clock = max(clock, deadline)
                return
            }
            runEvent()
        }
        // Who is woken does not run at once.
        guard strikes(.preemption) else { return }
        let end = clock &+ UInt64(dice.within(Self.wakeTime))
        while events.nextTime <= end, failure == nil { runEvent() }
    }

    /// Has time pass, and everything of that time happen: for a test that steps its worker by itself.
    public func pass(nanoseconds: UInt64) {
        let end = clock &+ nanoseconds
        while events.nextTime <= end { runEvent() }
        clock = max(clock, end)
    }

    private func runEvent() {
        clock = max(clock, events.nextTime)
        switch events.takeFirst() {
        case .arrival(let connection): connections[connection].arrive()
        case .retry(let connection):
            let socket = connections[connection]
            socket.isRetrying = false
            if socket.room > 0 || socket.isDead { becameWritable(socket) }
        case .overdue(let connection): endOverdue(connections[connection])
        case .job(let number): jobs.removeValue(forKey: number)?()
        case .own(let number): onEvent(number)
        case nil: break
        }
    }

    /// Has a thread of the kernel's own do something, within so many nanoseconds.
    func delegate(within range: ClosedRange<Int>, _ job: @escaping () -> Void) {
        jobCount += 1
        jobs[jobCount] = job
        events.add(.job(jobCount), at: clock + UInt64(dice.within(range)))
    }

    /// A call takes its time too: what arrives meanwhile has arrived when the call looks.
    func elapse() {
        guard events.nextTime <= clock &+ Self.callTime, !events.isNextOwn, strikes(.preemption) else { return }
        marks.make(.arrivedMeanwhile)
        runEvent()
    }

    /// How long a system call may take, in nanoseconds.
    private static let callTime: UInt64 = 50_000
    /// How long a thread that is woken may wait for a processor, in nanoseconds.
    private static let wakeTime = 1_000...2_000_000

    /// Has something of the simulator's own happen.
    public func schedule(_ event: Int, at time: UInt64) { events.add(.own(event), at: max(time, clock)) }

    /// One step of the machine: a thread runs until it waits, or something arrives.
    ///
    /// - Returns: false when nothing will ever happen any more.
    public func step() -> Bool {
        var ready = 0
        var chosen = -1
        var deadline = UInt64.max
        for (index, thread) in threads.enumerated() where !thread.hasEnded {
            if case .source(let source, let end) = thread.wait, !source.isReady, clock < end {
                deadline = min(deadline, end)
                guard strikes(.earlyWake), dice.chance(20) else { continue }
                marks.make(.earlyWake)
            }
            ready += 1
            if dice.below(ready) == 0 { chosen = index }
        }
        if events.nextTime <= clock, chosen < 0 || dice.chance(500) {
            runEvent()
            return true
        }
        if chosen >= 0 {
            run(chosen)
            return true
        }
        let next = min(deadline, events.nextTime)
        guard next != .max else { return false }
        clock = max(clock, next)
        if events.nextTime <= clock { runEvent() }
        return true
    }

    private func run(_ index: Int) {
        clock += UInt64(dice.within(threadCost))
        current = index
        note(UInt64(index))
        threads[index].resume()
        current = nil
    }

    /// Lets another thread run in the middle of a system call, where a real one may be interrupted.
    func preempt() {
        guard current != nil, strikes(.preemption) else { return }
        marks.make(.preempted)
        giveWay()
    }
}
