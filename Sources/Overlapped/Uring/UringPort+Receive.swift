// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Receiving: multishot out of the shared buffers, fair between greedy and quiet streams (rule M4).
extension UringPort {
    /// A stream without a limit in the kernel that brings more than this in one turn reads one piece a turn …
    private static let greedLimit: UInt32 = 65_536
    /// … until a turn brings less than this. With a limit, a stream that brings no more a turn on average …
    private static let modestBytes: UInt32 = 16_384
    /// … over at least so many turns is armed with a larger one, until it has brought more.
    private static let modestTurns: UInt32 = 4
    /// What is thrown away of a peer that does not stop (rule M3).
    private static let discardLimit: UInt32 = 65_536

    /// Makes a connected stream socket known under `key`.
    public mutating func associate(_ descriptor: Int32, key: CompletionKey) {
        precondition(key.slot < capacity && streams[key.slot].phase == .free, "the slot is free")
        let stream = streams + key.slot
        stream.pointee = StreamState()
        stream.pointee.descriptor = descriptor
        stream.pointee.file = descriptor
        stream.pointee.generation = key.generation
        stream.pointee.phase = .open
        countStreams(by: 1)
        if hasDirectDescriptors { install(stream, slot: key.slot) } else { register(stream, key) }
    }

    /// Starts to receive, or goes on after `pause`.
    public mutating func receive(_ key: CompletionKey) {
        guard let stream = find(key), stream.pointee.phase == .open else { return }
        stream.pointee.wantsReceive = true
        deliverHeld(stream, key)
        arm(stream, key)
    }

    /// Stops receiving.
    public mutating func pause(_ key: CompletionKey) {
        guard let stream = find(key), stream.pointee.phase == .open else { return }
        stream.pointee.wantsReceive = false
        cancelReceive(stream, key)
    }

    /// The stream of a key, nil when its slot has been given to another since.
    @inline(__always)
    func find(_ key: CompletionKey) -> UnsafeMutablePointer<StreamState>? {
        guard key.slot < capacity else { return nil }
        let stream = streams + key.slot
        guard stream.pointee.generation == key.generation, stream.pointee.phase != .free else { return nil }
        return stream
    }

    /// One stream more or less, which changes the others' share of receive memory.
    mutating func countStreams(by change: Int) {
        streamCount &+= change
        receiveLimit = BufferRing.share(of: streamCount, memory: buffers.bufferCount &* buffers.bufferSize)
    }

    func canArm(_ stream: UnsafeMutablePointer<StreamState>) -> Bool {
        stream.pointee.wantsReceive && !stream.pointee.receiveInFlight && !stream.pointee.isParked
            && !stream.pointee.peerFinished && !stream.pointee.ended
    }

    /// Queues a receive unless one is in flight.
    ///
    /// Without POLL_FIRST: where bytes and a reset behind them are there already, a multishot receive that is armed
    /// with it brings the bytes and never tells of the reset (seen on 6.18). So arming may complete by itself, which
    /// settling allows for: it reads the whole queue, and the buffers that the kernel has are named by no send.
    mutating func arm(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        guard canArm(stream) else { return }
        stream.pointee.receiveInFlight = true
        let oneShot = stream.pointee.readsOnePiece || techniques.contains(.oneShotReceive)
        stream.pointee.receiveIsOneShot = oneShot
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_RECV)
        sqe.pointee.fd = stream.pointee.file
        sqe.pointee.flags = UInt8(CL_SQE_BUFFER_SELECT) | stream.pointee.fileFlags
        sqe.pointee.ioprio = oneShot ? 0 : UInt16(CL_RECV_MULTISHOT)
        sqe.pointee.user_data = key.rawValue | UringOperation.receive
        cl_sqe_set_buffer_group(sqe, BufferRing.group)
        if !oneShot, techniques.contains(.receiveBundles) { sqe.pointee.ioprio |= UInt16(CL_RECVSEND_BUNDLE) }
        guard !oneShot, features.contains(.receiveLimit) else { return }
        stream.pointee.limit = stream.pointee.isModest ? max(receiveLimit, modestLimit) : receiveLimit
        stream.pointee.armedTurn = UInt32(truncatingIfNeeded: turn)
        cl_sqe_set_optional_length(sqe, stream.pointee.limit)
    }

    /// Nothing is received any more, and how long it took to bring `limit` bytes says what the next receive may bring.
    @inline(__always)
    mutating func endReceive(_ stream: UnsafeMutablePointer<StreamState>, hasBytes: Bool) {
        stream.pointee.receiveInFlight = false
        stream.pointee.receiveCancelled = false
        let turns = UInt32(truncatingIfNeeded: turn) &- stream.pointee.armedTurn
        let leastTurns = max(Self.modestTurns, stream.pointee.limit / Self.modestBytes)
        stream.pointee.isModest = hasBytes && turns >= leastTurns
    }

    /// Asks the kernel to end the receive in flight; its own last completion says that it has.
    mutating func cancelReceive(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        guard stream.pointee.receiveInFlight, !stream.pointee.receiveCancelled else { return }
        stream.pointee.receiveCancelled = true
        cancel(key.rawValue | UringOperation.receive, as: key.rawValue | UringOperation.cancelReceive)
    }

    /// A multishot receive that is just being carried on is not found by a cancel: it is asked again until it is.
    mutating func completeCancelReceive(_ key: CompletionKey, _ result: Int32) {
        guard result != 0, let stream = find(key), stream.pointee.receiveInFlight, stream.pointee.receiveCancelled
        else { return }
        stream.pointee.receiveCancelled = false
        counts.pointee.cancelsRepeated &+= 1
        cancelReceive(stream, key)
    }

    mutating func cancel(_ userData: UInt64, as ownUserData: UInt64 = UringOperation.cancel) {
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_ASYNC_CANCEL)
        sqe.pointee.fd = -1
        sqe.pointee.addr = userData
        sqe.pointee.user_data = ownUserData
    }

    @inline(__always)
    mutating func completeReceive(_ key: CompletionKey, _ result: Int32, _ flags: UInt32) -> Completion? {
        if techniques.contains(.receiveBundles), result > 0 { return completeBundle(key, result, flags) }
        var slice = ReceiveSlice.none
        if flags & UInt32(CL_CQE_F_BUFFER) != 0 { slice = buffers.take(flags: flags, count: result) }
        guard let stream = find(key) else {
            counts.pointee.stale &+= 1
            return nil
        }
        let isLast = flags & UInt32(CL_CQE_F_MORE) == 0
        if isLast { endReceive(stream, hasBytes: result > 0) }
        if result > 0 { return received(stream, key, slice, isLast: isLast) }
        return endOfReceive(stream, key, result)
    }

    @inline(__always)
    mutating func received(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ slice: ReceiveSlice, isLast: Bool
    ) -> Completion? {
        if !features.contains(.receiveLimit) { watchGreed(stream, key, slice) }
        switch stream.pointee.phase {
        case .open:
            guard !stream.pointee.ended else { return nil }
            guard stream.pointee.wantsReceive else {
                hold(stream, slice)
                return nil
            }
            if isLast { arm(stream, key) }
            return Completion(.received, key, slice: slice)
        case .finishing:
            stream.pointee.discarded &+= slice.count
            guard stream.pointee.discarded <= Self.discardLimit else {
                beginClose(stream, key)
                return nil
            }
            if isLast { arm(stream, key) }
        default:
            counts.pointee.lateReceives &+= 1
            advanceClose(stream, key)
        }
        return nil
    }

    private mutating func endOfReceive(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ result: Int32
    ) -> Completion? {
        switch stream.pointee.phase {
        case .free, .closeQueued: return nil
        case .closing:
            advanceClose(stream, key)
            return nil
        case .open, .finishing:
            if stream.pointee.ended { return nil }
        }
        switch -result {
        case ENOBUFS:
            counts.pointee.buffersExhausted &+= 1
            stream.pointee.isParked = true
            // Without a limit the one that emptied the buffers would do so again.
            if !features.contains(.receiveLimit) { stream.pointee.readsOnePiece = true }
            parked.append(key)
        case ECANCELED, EAGAIN, EINTR:
            arm(stream, key)
        case 0:
            stream.pointee.peerFinished = true
            guard stream.pointee.phase == .open else {
                beginClose(stream, key)
                return nil
            }
            guard stream.pointee.wantsReceive else {
                stream.pointee.holdsFinish = true
                return nil
            }
            stream.pointee.wantsReceive = false
            return Completion(.finished, key)
        default:
            return fail(stream, key, -result)
        }
        return nil
    }

    /// The first fatal result of a stream, told once.
    mutating func fail(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ code: Int32
    ) -> Completion? {
        guard !stream.pointee.ended else { return nil }
        stream.pointee.ended = true
        stream.pointee.wantsReceive = false
        guard stream.pointee.phase == .open else {
            beginClose(stream, key)
            return nil
        }
        return Completion(.ended, key, result: code)
    }

    /// Where the kernel knows no limit, a stream that floods a turn loses its multishot receive (rule M4).
    private mutating func watchGreed(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ slice: ReceiveSlice
    ) {
        let count = slice.count
        let turn = UInt32(truncatingIfNeeded: turn)
        if stream.pointee.greedTurn != turn {
            // A piece that ends where its buffer ends was cut there: that is no sign of modesty.
            let isCut = Int(slice.offset &+ count) % buffers.bufferSize == 0
            stream.pointee.readsOnePiece = stream.pointee.readsOnePiece && (count >= Self.modestBytes || isCut)
            stream.pointee.greedTurn = turn
            stream.pointee.greed = 0
        }
        stream.pointee.greed &+= count
        guard stream.pointee.greed > Self.greedLimit, !stream.pointee.readsOnePiece else { return }
        stream.pointee.readsOnePiece = true
        if !stream.pointee.receiveIsOneShot { cancelReceive(stream, key) }
    }

    /// Receives that found no buffer go on in order, as far as a quarter of the buffers stays free: one takes a plain
    /// buffer each, but few of them bring enough to fill a large one.
    mutating func rearmParked() {
        guard !parked.isEmpty else { return }
        let share = buffers.isIncremental ? 8 : 1
        var budget = max(1, (buffers.freeCount &- buffers.bufferCount / 4) &* share)
        var count = 0
        while count < parked.count, budget > 0 {
            let key = parked[count]
            count &+= 1
            guard let stream = find(key) else { continue }
            stream.pointee.isParked = false
            arm(stream, key)
            budget &-= 1
        }
        parked.removeFirst(count)
    }
}
