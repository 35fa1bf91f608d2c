// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// An epoll instance (epoll(7)) and the events it has brought.
struct EpollSet: ~Copyable {
    /// Bytes, an end of stream, room to send: told once when they come (edge-triggered), for the life of a stream.
    static let stream =
        UInt32(CL_EPOLL_IN) | UInt32(CL_EPOLL_OUT) | UInt32(CL_EPOLL_RDHUP) | UInt32(CL_EPOLL_PRI)
        | cl_epoll_edge_triggered()
    /// Told again for as long as somebody waits to be accepted.
    static let listener = UInt32(CL_EPOLL_IN)
    /// Each write to an eventfd is an edge, so that it need never be read.
    static let doorbell = UInt32(CL_EPOLL_IN) | cl_epoll_edge_triggered()

    private static let capacity = 512
    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private var countsMilliseconds = false
    /// Whose set it is, if not this machine's.
    private let kernel: ForeignKernel?
    let isForeign: Bool
    #if DEBUG || GORI_FAULTS
        private let recorder: EventRecorder?
    #endif

    /// Makes one; `records` says whether recorders may look on, if somebody wants to know.
    init(kernel: ForeignKernel? = nil, records: Bool = true) throws(PortError) {
        descriptor = kernel?.makeEventSet() ?? cl_epoll_create()
        guard descriptor >= 0 else { throw PortError(call: "epoll_create1", code: errno) }
        self.kernel = kernel
        isForeign = kernel != nil
        events = .allocate(capacity: Self.capacity)
        events.initialize(repeating: epoll_event(), count: Self.capacity)
        #if DEBUG || GORI_FAULTS
            recorder =
                records && TransitionLog.isOn ? EventRecorder(TransitionLog.makeSet(isForeign: isForeign)) : nil
        #endif
    }

    deinit {
        SystemCalls.close(descriptor)
        events.deallocate()
    }

    /// Watches a descriptor. Returns 0 or an errno.
    func add(_ watched: Int32, _ interest: UInt32, data: UInt64) -> Int32 {
        #if DEBUG || GORI_FAULTS
            recorder?.watched(watched, data: data, in: .current)
        #endif
        if let kernel { return -kernel.control(descriptor, EPOLL_CTL_ADD, watched, interest, data: data) }
        return cl_epoll_add(descriptor, watched, interest, data) == 0 ? 0 : errno
    }

    /// Changes what a descriptor is watched for.
    func change(_ watched: Int32, _ interest: UInt32, data: UInt64) {
        if let kernel {
            _ = kernel.control(descriptor, EPOLL_CTL_MOD, watched, interest, data: data)
        } else {
            _ = cl_epoll_change(descriptor, watched, interest, data)
        }
    }

    /// Forgets a descriptor that stays open; a closed one is forgotten by the kernel.
    func remove(_ watched: Int32) {
        if let kernel {
            _ = kernel.control(descriptor, EPOLL_CTL_DEL, watched, 0, data: 0)
        } else {
            _ = cl_epoll_remove(descriptor, watched)
        }
    }

    /// The time of a foreign kernel.
    func foreignNow() -> UInt64 { kernel?.now() ?? 0 }

    /// Waits for events, at most so many nanoseconds; nil: without end.
    ///
    /// - Returns: how many there are, or minus an errno.
    mutating func wait(nanoseconds: UInt64?) -> Int32 {
        let result = waitInKernel(nanoseconds)
        #if DEBUG || GORI_FAULTS
            if let recorder {
                recorder.waited(nanoseconds: nanoseconds, result)
                for index in 0..<Int(max(0, result)) { recorder.told(data: data(index), flags(index), in: .current) }
            }
        #endif
        return result
    }

    private mutating func waitInKernel(_ nanoseconds: UInt64?) -> Int32 {
        if isForeign {
            return kernel?.events(descriptor, events, count: Int32(Self.capacity), nanoseconds: nanoseconds) ?? -ENOSYS
        }
        if !countsMilliseconds {
            let result = waitExactly(nanoseconds)
            guard result < 0, errno == ENOSYS else { return result < 0 ? -errno : result }
            countsMilliseconds = true
        }
        var milliseconds: Int32 = -1
        // Rounded up, or the last millisecond would be spent asking.
        if let nanoseconds {
            milliseconds = Int32(clamping: nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0))
        }
        let result = cl_epoll_wait_milliseconds(descriptor, events, Int32(Self.capacity), milliseconds)
        return result < 0 ? -errno : result
    }

    private func waitExactly(_ nanoseconds: UInt64?) -> Int32 {
        guard let nanoseconds else { return cl_epoll_wait_nanoseconds(descriptor, events, Int32(Self.capacity), nil) }
        var timeout = timespec(
            tv_sec: Int(truncatingIfNeeded: nanoseconds / 1_000_000_000),
            tv_nsec: Int(truncatingIfNeeded: nanoseconds % 1_000_000_000))
        return cl_epoll_wait_nanoseconds(descriptor, events, Int32(Self.capacity), &timeout)
    }

    /// What was watched, of an event of the last `wait`.
    @inline(__always)
    func data(_ index: Int) -> UInt64 { events[index].data.u64 }

    /// What it is ready for.
    @inline(__always)
    func flags(_ index: Int) -> UInt32 { events[index].events }
}
