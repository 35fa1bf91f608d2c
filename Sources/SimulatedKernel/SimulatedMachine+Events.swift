// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
@_spi(Measuring) internal import Overlapped

/// epoll_ctl(2), epoll_pwait2(2), and what sources are ready for.
extension SimulatedMachine {
    func controlSet(
        _ set: Int32, _ operation: Int32, _ watched: Int32, _ interest: UInt32, _ data: UInt64
    ) -> Int32 {
        guard case .set(let set) = file(set) else { return -EBADF }
        guard let source = source(watched) else {
            guard watched >= Self.firstDescriptor else { return -EBADF }
            fail("a descriptor is watched that is not open")
            return -EBADF
        }
        let watch = watch(of: source)
        switch operation {
        case EPOLL_CTL_ADD:
            guard watch == nil else { return -EEXIST }
            let place = set.add(source, interest, data: data, isReady: readiness(of: source))
            setWatch(of: source, Watch(set: set, place: place))
        case EPOLL_CTL_MOD:
            guard let watch else { return -ENOENT }
            set.change(watch.place, interest)
        default:
            guard let watch else { return -ENOENT }
            set.forget(watch)
            setWatch(of: source, nil)
        }
        return 0
    }

    func waitForEvents(
        _ descriptor: Int32, _ memory: UnsafeMutableRawPointer, _ count: Int32, _ nanoseconds: UInt64?
    ) -> Int32 {
        guard case .set(let set) = file(descriptor) else { return -EBADF }
        let deadline = nanoseconds.map { clock &+ $0 } ?? .max
        let list = memory.assumingMemoryBound(to: epoll_event.self)
        preempt()
        while true {
            var told = 0
            let taken = set.take(Int(count)) { events, data in
                list[told] = epoll_event(events: events, data: epoll_data_t(u64: data))
                note(data)
                note(UInt64(events))
                told += 1
            }
            if taken > 0 {
                completions += taken
                return Int32(taken)
            }
            guard clock < deadline else {
                marks.make(.deadline)
                return 0
            }
            wait(on: set, until: deadline)
            guard failure == nil else { return 0 }
            if !set.isReady, clock < deadline { return -EINTR }
        }
    }

    // MARK: Sources

    private func source(_ descriptor: Int32) -> SimulatedEventSet.Source? {
        switch file(descriptor) {
        case .socket(let socket): .socket(socket)
        case .listener(let listener): .listener(listener)
        case .event(let event): .event(event)
        case .none, .ring, .set: nil
        }
    }

    private func watch(of source: SimulatedEventSet.Source) -> Watch? {
        switch source {
        case .socket(let socket): socket.watch
        case .listener(let listener): listener.watch
        case .event(let event): event.watch
        }
    }

    private func setWatch(of source: SimulatedEventSet.Source, _ watch: Watch?) {
        switch source {
        case .socket(let socket): socket.watch = watch
        case .listener(let listener): listener.watch = watch
        case .event(let event): event.watch = watch
        }
    }

    func readiness(of source: SimulatedEventSet.Source?) -> UInt32 {
        switch source {
        case .socket(let socket): socket.readiness
        case .listener(let listener): listener.waiting.isEmpty ? 0 : UInt32(CL_EPOLL_IN)
        case .event(let event): event.count > 0 ? UInt32(CL_EPOLL_IN) : 0
        case nil: 0
        }
    }

    /// accept4(2), with what may go wrong.
    func acceptCall(_ listener: SimulatedListener) -> Int32 {
        elapse()
        if !listener.waiting.isEmpty, strikes(.acceptError) {
            guard dice.chance(500) else { return dice.pick([-EMFILE, -ENFILE, -ENOBUFS]) }
            marks.make(.connectionAborted)
            sendReset(listener.waiting.removeFirst(), keepsUnread: true)
            return -ECONNABORTED
        }
        return acceptNow(listener)
    }
}

extension SimulatedSocket {
    /// What epoll would say of it.
    var readiness: UInt32 {
        var events: UInt32 = 0
        if isReadable { events |= UInt32(CL_EPOLL_IN) }
        if hasFinish || isDead || isReceiveShut { events |= UInt32(CL_EPOLL_RDHUP) }
        if isDead || (hasFinish || isReceiveShut) && hasSentFinish { events |= UInt32(CL_EPOLL_HUP) }
        if error != 0 { events |= UInt32(CL_EPOLL_ERR) }
        if room > 0 || isDead { events |= UInt32(CL_EPOLL_OUT) }
        return events
    }
}
