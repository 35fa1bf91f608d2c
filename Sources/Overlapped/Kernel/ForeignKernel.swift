// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// A kernel other than the one that this process runs on, under the same ports: a model of it, for simulation.
///
/// Its descriptors are numbers that no process has, and whoever names one in a call of `SystemCalls` or in a submission
/// is answered by the kernel that gave it out. A port that is made on a foreign kernel has its ring or its set there,
/// and its time from there. Results are as those of system calls: minus an errno when they fail.
///
/// One thread has a foreign kernel, everything made on it, and its descriptors.
@_spi(Measuring)
open class ForeignKernel {
    /// Descriptors from here on are foreign: above what a process may ever open (fs.nr_open is 1 << 30 at most).
    public static let firstDescriptor: Int32 = 1 << 30
    /// Descriptors that one foreign kernel can have.
    public static let descriptorLimit = 1 << 19
    private static let kernelLimit = 1 << 10

    /// The kernels that there are, by the bits of their descriptors; an entry is written by its kernel's thread only.
    nonisolated(unsafe) private static let kernels: UnsafeMutablePointer<Unmanaged<ForeignKernel>?> = {
        let table = UnsafeMutablePointer<Unmanaged<ForeignKernel>?>.allocate(capacity: kernelLimit)
        table.initialize(repeating: nil, count: kernelLimit)
        return table
    }()
    private static let claims = ForeignKernelClaims(count: kernelLimit)

    private let index: Int

    /// Makes a kernel known under descriptors of its own.
    public init() {
        index = Self.claims.claim()
        Self.kernels[index] = Unmanaged.passUnretained(self)
    }

    deinit {
        Self.kernels[index] = nil
        Self.claims.giveBack(index)
    }

    /// The descriptor with a number of this kernel's, from 0.
    public final func descriptor(_ number: Int) -> Int32 {
        precondition(number >= 0 && number < Self.descriptorLimit)
        return Self.firstDescriptor | Int32(index * Self.descriptorLimit + number)
    }

    /// The number of a descriptor of this kernel's.
    public final func number(of descriptor: Int32) -> Int {
        Int(descriptor & (Self.firstDescriptor - 1)) & (Self.descriptorLimit - 1)
    }

    /// Whether a descriptor is a foreign kernel's.
    @inline(__always)
    static func owns(_ descriptor: Int32) -> Bool {
        UInt32(bitPattern: descriptor &- firstDescriptor) < UInt32(kernelLimit * descriptorLimit)
    }

    /// The kernel of a descriptor.
    static func of(_ descriptor: Int32) -> ForeignKernel {
        let index = Int(descriptor & (firstDescriptor - 1)) / descriptorLimit
        guard let kernel = kernels[index] else { preconditionFailure("descriptor \(descriptor) of no kernel") }
        return kernel.takeUnretainedValue()
    }

    // MARK: What a kernel does; the defaults know nothing

    /// The time, in nanoseconds.
    open func now() -> UInt64 { 0 }

    /// io_uring_setup(2): fills in a `struct io_uring` whose queues lie in the kernel's memory. The ring is disabled.
    open func makeRing(_ ring: UnsafeMutableRawPointer, submissions: UInt32, completions: UInt32) -> Int32 { -38 }

    /// The ring's memory is not used any more.
    open func removeRing(_ descriptor: Int32) {}

    /// io_uring_enter(2). `argument` is a `cl_wait_argument` where `flags` say so.
    open func enter(_ ring: Int32, submit: UInt32, wait: UInt32, flags: UInt32, argument: UnsafeRawPointer?) -> Int32 {
        -38
    }

    /// io_uring_register(2).
    open func register(_ ring: Int32, _ operation: UInt32, _ argument: UnsafeRawPointer?, _ count: UInt32) -> Int32 {
        -38
    }

    /// eventfd(2).
    open func makeEvent() -> Int32 { -38 }

    /// write(2) of the eight bytes of an eventfd.
    open func signal(_ event: Int32) {}

    /// close(2).
    open func close(_ descriptor: Int32) -> Int32 { -38 }

    /// shutdown(2).
    open func shutdown(_ descriptor: Int32, _ how: Int32) -> Int32 { -38 }

    /// setsockopt(2), SO_LINGER of 0 seconds.
    open func endWithReset(_ descriptor: Int32) {}

    /// accept4(2) without waiting.
    open func accept(_ listener: Int32) -> Int32 { -38 }

    /// Whether somebody waits to be accepted.
    open func isWaiting(_ listener: Int32) -> Bool { false }

    /// getpeername(2).
    open func peer(of descriptor: Int32) -> SocketAddress? { nil }

    /// sendmsg(2), MSG_DONTWAIT.
    open func send(_ descriptor: Int32, _ parts: UnsafeBufferPointer<IOVector>) -> Int { -38 }

    /// recv(2), MSG_DONTWAIT.
    open func receive(_ descriptor: Int32, _ memory: UnsafeMutableRawBufferPointer) -> Int { -38 }

    /// epoll_create1(2).
    open func makeEventSet() -> Int32 { -38 }

    /// epoll_ctl(2) with EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
    open func control(_ set: Int32, _ operation: Int32, _ watched: Int32, _ interest: UInt32, data: UInt64) -> Int32 {
        -38
    }

    /// epoll_pwait2(2): room for `count` of `struct epoll_event`.
    ///
    /// - Parameter nanoseconds: how long to wait at most; nil: without end.
    open func events(
        _ set: Int32, _ events: UnsafeMutableRawPointer, count: Int32, nanoseconds: UInt64?
    ) -> Int32 { -38 }
}

/// Which places among the kernels are taken.
private final class ForeignKernelClaims: Sendable {
    private let taken: Lock<[Bool]>

    init(count: Int) { taken = Lock(Array(repeating: false, count: count)) }

    func claim() -> Int {
        taken.withLock { taken in
            guard let free = taken.firstIndex(of: false) else { preconditionFailure("too many foreign kernels") }
            taken[free] = true
            return free
        }
    }

    func giveBack(_ index: Int) { taken.withLock { $0[index] = false } }
}
