// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// io_uring_setup(2), io_uring_enter(2) and io_uring_register(2).
extension SimulatedMachine {
    func makeSimulatedRing(_ memory: UnsafeMutableRawPointer, _ submissions: UInt32, _ completions: UInt32) -> Int32 {
        let ring = SimulatedRing(self, submissions: submissions, completions: completions)
        ring.descriptor = open(.ring(ring))
        let pointer = memory.assumingMemoryBound(to: io_uring.self)
        ring.memory.map(into: pointer)
        pointer.pointee.ring_fd = ring.descriptor
        pointer.pointee.features = UInt32(CL_FEATURE_NODROP) | UInt32(CL_FEATURE_EXT_ARG)
        return 0
    }

    /// A ring that goes ends what is armed on it.
    func removeSimulatedRing(_ descriptor: Int32) {
        guard case .ring(let ring) = file(descriptor) else { return fail("a ring is removed twice") }
        free(descriptor)
        ring.endAll()
    }

    // MARK: Enter

    func enterRing(
        _ ring: SimulatedRing, _ submit: UInt32, _ wait: UInt32, _ flags: UInt32, _ argument: UnsafeRawPointer?
    ) -> Int32 {
        require(ring.isEnabled, "a ring is entered before it is enabled")
        if submit > 0 { preempt() }
        var taken: Int32 = 0
        if submit > 0 {
            if let refusal = refusal(ring) { return refusal }
            taken = takeSubmissions(ring, submit)
        }
        guard flags & UInt32(CL_ENTER_GETEVENTS) != 0 else {
            ring.postLate()
            return taken
        }
        ring.runWork()
        ring.postLate()
        ring.publishFlags()
        guard wait > 0, taken == Int32(bitPattern: submit), !ring.hasCompletions else { return taken }
        return waitForCompletions(ring, taken, deadline(flags, argument))
    }

    /// The kernel takes nothing: for want of memory, for a signal, or because completions wait for room.
    private func refusal(_ ring: SimulatedRing) -> Int32? {
        if ring.isStuck, dice.chance(500) {
            marks.make(.submitRefused)
            return -EBUSY
        }
        guard strikes(.refusedSubmit) else { return nil }
        marks.make(.submitRefused)
        return dice.pick([-EBUSY, -EAGAIN, -EINTR])
    }

    private func takeSubmissions(_ ring: SimulatedRing, _ submit: UInt32) -> Int32 {
        require(ring.memory.queued >= submit, "more is submitted than is queued")
        var limit = submit
        if submit > 1, strikes(.partialSubmit) {
            marks.make(.submitPartial)
            limit = UInt32(dice.within(1...Int(submit) - 1))
        }
        for _ in 0..<limit {
            elapse()
            ring.take(ring.memory.firstSubmission)
            ring.memory.takeSubmission()
        }
        return Int32(bitPattern: limit)
    }

    /// When the wait ends; `argument` is a `cl_wait_argument`.
    private func deadline(_ flags: UInt32, _ argument: UnsafeRawPointer?) -> UInt64 {
        guard flags & UInt32(CL_ENTER_EXT_ARG) != 0, let argument else { return .max }
        let address = argument.assumingMemoryBound(to: cl_wait_argument.self).pointee.timespec
        guard let time = UnsafePointer<__kernel_timespec>(bitPattern: UInt(address))?.pointee else { return .max }
        let nanoseconds = UInt64(bitPattern: time.tv_sec &* 1_000_000_000 &+ time.tv_nsec)
        return flags & UInt32(CL_ENTER_ABS_TIMER) != 0 ? nanoseconds : clock &+ nanoseconds
    }

    private func waitForCompletions(_ ring: SimulatedRing, _ taken: Int32, _ deadline: UInt64) -> Int32 {
        while !ring.hasCompletions {
            if clock >= deadline {
                marks.make(.deadline)
                return taken > 0 ? taken : -ETIME
            }
            self.wait(on: ring, until: deadline)
            guard failure == nil else { return taken }
            if !ring.isReady, clock < deadline { return taken > 0 ? taken : -EINTR }
            // The time may be up before what has come meanwhile is looked at.
            if clock >= deadline, dice.chance(500) { continue }
            ring.runWork()
            ring.publishFlags()
        }
        return taken
    }

    // MARK: Register

    func registerWith(
        _ ring: SimulatedRing, _ operation: UInt32, _ argument: UnsafeRawPointer?, _ count: UInt32
    ) -> Int32 {
        switch Int(operation) {
        case Int(CL_REGISTER_ENABLE_RINGS):
            ring.isEnabled = true
            return 0
        case Int(CL_REGISTER_PBUF_RING):
            guard let argument else { return -EFAULT }
            ring.buffers = SimulatedBuffers(
                self, argument.assumingMemoryBound(to: cl_buffer_ring_registration.self).pointee)
            return 0
        case Int(CL_REGISTER_PBUF_STATUS):
            guard let argument, let buffers = ring.buffers else { return -EINVAL }
            UnsafeMutableRawPointer(mutating: argument).assumingMemoryBound(to: cl_buffer_ring_status.self)
                .pointee.head = UInt32(buffers.head)
            return 0
        case Int(CL_REGISTER_FILES2):
            guard let argument else { return -EFAULT }
            let places = argument.assumingMemoryBound(to: io_uring_rsrc_register.self).pointee.nr
            ring.table = Array(repeating: nil, count: Int(places))
            return 0
        case Int(CL_REGISTER_FILES_UPDATE): return install(ring, argument)
        case Int(CL_REGISTER_SEND_MSG_RING): return ringDoorbell(ring, argument)
        default: return -EINVAL
        }
    }

    private func install(_ ring: SimulatedRing, _ argument: UnsafeRawPointer?) -> Int32 {
        guard let argument = argument?.assumingMemoryBound(to: io_uring_rsrc_update.self).pointee else {
            return -EFAULT
        }
        return update(ring, place: Int(argument.offset), from: argument.data)
    }

    /// Puts the descriptor at an address into a place of a ring's table, or empties it. Returns how many that were.
    func update(_ ring: SimulatedRing, place: Int, from address: UInt64) -> Int32 {
        guard let descriptor = UnsafePointer<Int32>(bitPattern: UInt(address))?.pointee else { return -EFAULT }
        guard ring.table.indices.contains(place) else { return -EINVAL }
        // -1 empties a place, and is no mistake.
        if descriptor == -1 {
            ring.emptied.insert(place)
            if let socket = ring.table[place] { dropReference(socket) }
            ring.table[place] = nil
            return 1
        }
        guard case .socket(let socket) = file(descriptor) else {
            // Whatever is asked of the place next fails, as the caller knows who hands over what is not open.
            ring.emptied.insert(place)
            return -EBADF
        }
        ring.emptied.remove(place)
        require(ring.table[place] == nil, "a place in a ring's table is given twice")
        ring.table[place] = socket
        addReference(socket)
        return 1
    }

    private func ringDoorbell(_ ring: SimulatedRing, _ argument: UnsafeRawPointer?) -> Int32 {
        guard ring.isEnabled else { return -EBADFD }
        guard let entry = argument?.assumingMemoryBound(to: io_uring_sqe.self).pointee else { return -EFAULT }
        marks.make(.doorbell)
        ring.add(.post(userData: entry.off, result: Int32(bitPattern: entry.len)))
        return 0
    }

    func signalEvent(_ descriptor: Int32) {
        guard case .event(let event) = file(descriptor) else { return fail("a doorbell is rung that is no event") }
        event.count += 1
        if let reader = event.reader { reader.ring.add(.read(event)) }
        event.watch?.set.tell(event.watch, UInt32(CL_EPOLL_IN))
    }
}
