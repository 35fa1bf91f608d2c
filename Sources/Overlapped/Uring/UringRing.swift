// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// One io_uring: its two queues and the system call between them. No policy; `UringPort` has all of that.
///
/// The ring is made disabled and belongs to the thread that enables it (IORING_SETUP_SINGLE_ISSUER).
struct UringRing: ~Copyable {
    // What every turn looks at lies together, copied from `ring`, which is spread over cache lines.
    let sqHead: UnsafeMutablePointer<UInt32>
    private let sqTail: UnsafeMutablePointer<UInt32>
    private let sqFlags: UnsafeMutablePointer<UInt32>
    private let cqHead: UnsafeMutablePointer<UInt32>
    private let cqTail: UnsafeMutablePointer<UInt32>
    let sqes: UnsafeMutablePointer<io_uring_sqe>
    private let cqes: UnsafeMutablePointer<io_uring_cqe>
    let sqMask: UInt32
    private let cqMask: UInt32
    private(set) var tail: UInt32 = 0
    let sqEntries: UInt32
    private var enterDescriptor: Int32
    private var enterFlags: UInt32 = 0
    let isForeign: Bool
    /// A thread of the kernel takes submissions (IORING_SETUP_SQPOLL).
    let isPolled: Bool

    let ring: UnsafeMutablePointer<io_uring>
    let descriptor: Int32
    let features: UInt32
    let cqEntries: UInt32
    /// The thread that registered the ring, 0: none.
    private var registrar: Int32 = 0
    /// Whose ring it is, if not this machine's; asked for by `isForeign` first, which counts no reference.
    private let kernel: ForeignKernel?
    #if DEBUG || GORI_FAULTS
        var faults = SubmitFaults()
        /// Sees what the kernel is asked and answers, if somebody wants to know.
        var recorder: RingRecorder?
    #endif

    private static let commonFlags =
        UInt32(CL_SETUP_SUBMIT_ALL) | UInt32(CL_SETUP_CQSIZE) | UInt32(CL_SETUP_CLAMP) | UInt32(CL_SETUP_R_DISABLED)

    /// What the kernel must know: Linux 6.1 by default.
    private static func setupFlags(for techniques: PortTechniques) -> UInt32 {
        // Whoever polls the submission queue also finishes what is in it: flags about interrupting the issuer and
        // about his wait are refused (io_uring_setup(2)).
        if techniques.contains(.submissionPolling) { return commonFlags | UInt32(CL_SETUP_SQPOLL) }
        let taskRun = techniques.contains(.eagerTaskRun) ? CL_SETUP_COOP_TASKRUN : CL_SETUP_DEFER_TASKRUN
        return commonFlags | UInt32(CL_SETUP_SINGLE_ISSUER) | UInt32(CL_SETUP_TASKRUN_FLAG) | UInt32(taskRun)
    }

    /// How long the kernel's thread polls an empty submission queue before it sleeps, in milliseconds: longer than
    /// the pauses of a busy server, shorter than a tick, so that an idle server costs no processor.
    private static let pollingIdle: UInt32 = 2

    init(
        sqEntries: UInt32, cqEntries: UInt32, techniques: PortTechniques = [], kernel: ForeignKernel? = nil
    ) throws(PortError) {
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        ring.initialize(to: io_uring())
        do throws(PortError) {
            features = try Self.setUp(ring, sqEntries, cqEntries, techniques, kernel)
        } catch {
            ring.deallocate()
            throw error
        }
        cl_sq_fill_identity(ring)
        self.ring = ring
        self.kernel = kernel
        isForeign = kernel != nil
        isPolled = techniques.contains(.submissionPolling)
        descriptor = ring.pointee.ring_fd
        enterDescriptor = ring.pointee.ring_fd
        self.sqEntries = cl_sq_entries(ring)
        self.cqEntries = cl_cq_entries(ring)
        sqMask = cl_sq_mask(ring)
        cqMask = cl_cq_mask(ring)
        sqHead = ring.pointee.sq.khead
        sqTail = ring.pointee.sq.ktail
        sqFlags = ring.pointee.sq.kflags
        cqHead = ring.pointee.cq.khead
        cqTail = ring.pointee.cq.ktail
        sqes = ring.pointee.sq.sqes
        cqes = ring.pointee.cq.cqes
    }

    /// Has the kernel make the ring. Returns its features.
    private static func setUp(
        _ ring: UnsafeMutablePointer<io_uring>, _ sqEntries: UInt32, _ cqEntries: UInt32, _ techniques: PortTechniques,
        _ kernel: ForeignKernel?
    ) throws(PortError) -> UInt32 {
        if let kernel {
            let result = kernel.makeRing(ring, submissions: sqEntries, completions: cqEntries)
            guard result == 0 else { throw PortError(call: "io_uring_setup", code: -result) }
            return ring.pointee.features
        }
        var parameters = io_uring_params()
        parameters.flags = setupFlags(for: techniques)
        parameters.sq_thread_idle = pollingIdle
        parameters.cq_entries = cqEntries
        let result = io_uring_queue_init_params(sqEntries, ring, &parameters)
        guard result == 0 else {
            let way = techniques.intersection([.eagerTaskRun, .submissionPolling])
            throw PortError(call: way.isEmpty ? "io_uring_setup" : "io_uring_setup for \(way)", code: -result)
        }
        guard parameters.features & UInt32(CL_FEATURE_EXT_ARG) != 0 else {
            io_uring_queue_exit(ring)
            throw PortError(call: "io_uring_setup", code: EINVAL)
        }
        _ = io_uring_ring_dontfork(ring)
        return parameters.features
    }

    deinit {
        if let kernel {
            kernel.removeRing(descriptor)
        } else {
            unregister()
            io_uring_queue_exit(ring)
        }
        ring.deallocate()
    }

    /// The time of a foreign kernel.
    func foreignNow() -> UInt64 { kernel?.now() ?? 0 }

    /// Makes the calling thread the one that submits, and spares every later enter a look-up of the descriptor.
    mutating func enable() throws(PortError) {
        let result = SystemCalls.register(descriptor, UInt32(CL_REGISTER_ENABLE_RINGS), nil, 0)
        guard result == 0 else { throw PortError(call: "io_uring_register(ENABLE_RINGS)", code: -result) }
        guard !isForeign else { return }
        var update = io_uring_rsrc_update()
        update.offset = UInt32.max
        update.data = UInt64(descriptor)
        if cl_register(descriptor, UInt32(CL_REGISTER_RING_FDS), &update, 1) == 1 {
            enterDescriptor = Int32(bitPattern: update.offset)
            enterFlags = UInt32(CL_ENTER_REGISTERED_RING)
            registrar = cl_thread_id()
        }
        // Nothing here runs on a kernel worker thread; should something ever do, it must not become a crowd.
        var limits: (UInt32, UInt32) = (1, 4)
        _ = cl_register(descriptor, UInt32(CL_REGISTER_IOWQ_MAX_WORKERS), &limits, 2)
    }

    /// A registered ring is held by its thread: it would live, sockets and all, until that thread ends. Another thread
    /// may have a ring of its own under the same number.
    private func unregister() {
        guard registrar != 0, registrar == cl_thread_id() else { return }
        var update = io_uring_rsrc_update()
        update.offset = UInt32(bitPattern: enterDescriptor)
        _ = cl_register(descriptor, UInt32(CL_UNREGISTER_RING_FDS), &update, 1)
    }

    // MARK: Table of direct descriptors

    /// Reserves so many empty places; returns what the kernel returned.
    func registerTable(_ count: UInt32) -> Int32 {
        var table = io_uring_rsrc_register()
        table.nr = count
        table.flags = UInt32(CL_RSRC_REGISTER_SPARSE)
        let size = UInt32(MemoryLayout<io_uring_rsrc_register>.size)
        return SystemCalls.register(descriptor, UInt32(CL_REGISTER_FILES2), &table, size)
    }

    /// Puts a descriptor's file into a place of the table; the descriptor stays the caller's.
    func install(_ file: Int32, at place: UInt32) -> Bool {
        withUnsafePointer(to: file) {
            var update = io_uring_rsrc_update()
            update.offset = place
            update.data = UInt64(UInt(bitPattern: $0))
            let isInstalled = SystemCalls.register(descriptor, UInt32(CL_REGISTER_FILES_UPDATE), &update, 1) == 1
            #if DEBUG || GORI_FAULTS
                if isInstalled { recorder?.installed(place: place) }
            #endif
            return isInstalled
        }
    }

    // MARK: Submission queue

    /// Entries queued and not taken by the kernel yet.
    var queued: UInt32 { tail &- cl_load(sqHead) }

    var isFull: Bool { queued >= sqEntries }

    /// The next free entry, cleared. The caller has seen that the queue is not full.
    mutating func nextEntry() -> UnsafeMutablePointer<io_uring_sqe> {
        let entry = sqes + Int(tail & sqMask)
        tail &+= 1
        cl_sqe_clear(entry)
        return entry
    }

    /// One io_uring_enter(2). Returns what the kernel returned: entries taken, or minus an errno.
    mutating func enter(submit: UInt32, wait: UInt32, flags: UInt32, argument: UnsafeRawPointer?, size: Int) -> Int32 {
        cl_store(sqTail, tail)
        #if DEBUG || GORI_FAULTS
            switch faults.next(submit) {
            case .none: break
            case .refuse(let code): return -code
            case .takeOne: return enter(1, 0, flags: 0, recordedBy: recorder, nil, 0)
            }
            return enter(submit, wait, flags: flags, recordedBy: recorder, argument, size)
        #else
            return enterKernel(submit, wait, flags, argument, size)
        #endif
    }

    /// The system call, or a foreign kernel's.
    @inline(__always)
    func enterKernel(
        _ submit: UInt32, _ wait: UInt32, _ flags: UInt32, _ argument: UnsafeRawPointer?, _ size: Int
    ) -> Int32 {
        if isForeign { return foreignEnter(submit, wait, flags, argument) }
        return cl_enter(enterDescriptor, submit, wait, flags | enterFlags, argument, size)
    }

    private func foreignEnter(
        _ submit: UInt32, _ wait: UInt32, _ flags: UInt32, _ argument: UnsafeRawPointer?
    ) -> Int32 {
        kernel?.enter(descriptor, submit: submit, wait: wait, flags: flags, argument: argument) ?? -ENOSYS
    }

    /// Shows the kernel's thread what is queued. Returns whether it sleeps and must be woken
    /// (IORING_ENTER_SQ_WAKEUP).
    func publishToPoller() -> Bool {
        cl_store(sqTail, tail)
        return cl_sq_needs_wakeup(ring) != 0
    }

    /// Waits until the kernel's thread has carried out everything that it has been shown.
    func finishPolling() {
        guard isPolled else { return }
        while cl_load(sqHead) != cl_sq_published(ring) {
            // EOWNERDEAD: the thread is gone, and nothing will be carried out any more.
            guard cl_enter(descriptor, 0, 0, UInt32(CL_ENTER_SQ_WAKEUP), nil, 0) >= 0 else { return }
            sched_yield()
        }
    }

    var hasTaskWork: Bool { cl_load(sqFlags) & UInt32(CL_SQ_TASKRUN) != 0 }
    var hasOverflow: Bool { cl_load(sqFlags) & UInt32(CL_SQ_CQ_OVERFLOW) != 0 }

    // MARK: Completion queue

    var completionHead: UInt32 { cl_cq_head(ring) }
    var completionTail: UInt32 { cl_load(cqTail) }
    func completion(_ index: UInt32) -> UnsafeMutablePointer<io_uring_cqe> { cqes + Int(index & cqMask) }
    func releaseCompletions(upTo head: UInt32) { cl_store(cqHead, head) }
}
