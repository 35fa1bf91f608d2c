// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// From a descriptor to a session: accept policy, balance between workers, greeting.
extension Worker where Port: ~Copyable {
    /// A socket moves to the least loaded worker when this one has more than 16 sessions and a quarter above it.
    private static var imbalanceFloor: Int { 16 }
    private static var millisecond: UInt64 { 1_000_000 }

    mutating func accepted(_ descriptor: Int32) {
        core.pointee.counts.pointee.accepted &+= 1
        withoutDescriptorsSince = MonotonicClock.never
        guard !core.pointee.isDraining else { return refuse(descriptor, .shuttingDown) }
        var isCounted = false
        if definition.acceptPolicy != nil || addressLimit != nil {
            guard let address = SocketAddress(peerOf: descriptor) else { return Sockets.close(descriptor) }
            if let policy = definition.acceptPolicy, policy(address) == .reject { return Sockets.reject(descriptor) }
            if let addressLimit, !address.isLoopback {
                guard addressLimit.admit(address) else { return refuse(descriptor, .full) }
                isCounted = true
            }
        }
        if let target = lessLoadedWorker() {
            return core.pointee.outboxes.post(.handOver(descriptor, isCounted: isCounted), to: target)
        }
        adopt(descriptor, isCounted: isCounted)
    }

    /// Another worker to give a new socket to, before anything is armed on it; nil to keep it.
    private mutating func lessLoadedWorker() -> Int? {
        guard mailboxes.workerCount > 1 else { return nil }
        let own = core.pointee.sessions.count
        guard own > Self.imbalanceFloor else { return nil }
        var least = index
        var leastCount = own
        for worker in 0..<mailboxes.workerCount where worker != index && !mailboxes.isGone(worker) {
            let count = published.sessions(of: worker)
            if count < leastCount {
                least = worker
                leastCount = count
            }
        }
        guard least != index, own > leastCount &+ max(Self.imbalanceFloor, leastCount / 4),
            !core.pointee.outboxes.isFull(least)
        else { return nil }
        return least
    }

    mutating func adopt(_ descriptor: Int32, isCounted: Bool) {
        guard !core.pointee.isDraining else { return refuse(descriptor, .shuttingDown) }
        guard published.totalSessions < core.pointee.configuration.maximumSessions,
            let slot = core.pointee.sessions.take()
        else {
            if isCounted, let address = SocketAddress(peerOf: descriptor) { addressLimit?.release(address) }
            return refuse(descriptor, .full)
        }
        let record = core.pointee.sessions.records + slot
        let now = core.pointee.now
        record.pointee.openedAt = now
        record.pointee.receivedAt = now
        record.pointee.sentAt = now
        record.pointee.isCounted = isCounted
        name(record, slot, descriptor)
        published.setSessions(core.pointee.sessions.count, of: index)
        toldSessions = -1
        port.associate(descriptor, key: key(slot))
        port.receive(key(slot))
        if core.pointee.hasSessionLayer {
            record.pointee.phase = .greeting
            core.pointee.schedule(slot)
        } else {
            record.pointee.phase = .open
            opened(slot, record)
        }
    }

    /// Notes what must be known of a socket before the port may take its descriptor away.
    private mutating func name(_ record: UnsafeMutablePointer<SessionRecord>, _ slot: Int, _ descriptor: Int32) {
        let isDirect = core.pointee.configuration.tableCapacity != nil
        record.pointee.descriptor = isDirect ? -1 : descriptor
        guard record.pointee.isCounted || isDirect else { return }
        let address = SocketAddress(peerOf: descriptor)
        if isDirect { record.pointee.peer = StoredAddress(address) }
        if record.pointee.isCounted, let address { addressLimit?.remember(address, slot: slot, worker: index) }
    }

    /// The kernel refuses to accept, mostly because there is no descriptor left: tried again ten times a second, and
    /// whoever waits meanwhile is told that the server is full, instead of nothing.
    mutating func acceptPaused(_ listener: Int, _ code: Int32) {
        guard listener < listeners.count, !core.pointee.isDraining else { return }
        let cause = PortError(call: "accept", code: code)
        if cause.isOutOfDescriptors, awaitsDescriptors() {
            return setAcceptResume(listener, due: core.pointee.now &+ Self.millisecond)
        }
        setAcceptResume(listener, due: core.pointee.now &+ 100 * Self.millisecond)
        if cause.isOutOfDescriptors {
            let goodbye = core.pointee.hasSessionLayer ? refusal(.full) : []
            let count = reserve.refuseWaiting(on: listeners[listener]) { descriptor in
                goodbye.withUnsafeBytes { Sockets.refuse(descriptor, with: $0) }
            }
            core.pointee.counts.pointee.refusedWaiting &+= UInt64(count)
        }
        guard acceptLog.allows(at: core.pointee.now) else { return }
        let refused = core.pointee.counts.pointee.refusedWaiting.value
        definition.log("accept paused: \(cause); \(refused) connections were told so far that the server is full")
    }

    /// Whether there will be descriptors in a moment: those of sockets that were just accepted are free again as soon
    /// as their workers have moved them into their tables. A server that was held up finds more connections than
    /// descriptors in its queues, and room for all of them. 100 ms without any is no moment.
    private mutating func awaitsDescriptors() -> Bool {
        let configuration = core.pointee.configuration
        guard configuration.tableCapacity != nil, core.pointee.sessions.count < configuration.sessionsPerWorker,
            published.totalSessions < configuration.maximumSessions
        else { return false }
        let now = core.pointee.now
        // Who waited in vain may have gone, so that nothing was accepted since: that was another time.
        if now &- withoutDescriptorsAt > 1_000 * Self.millisecond { withoutDescriptorsSince = MonotonicClock.never }
        withoutDescriptorsAt = now
        withoutDescriptorsSince = min(withoutDescriptorsSince, now)
        return now &- withoutDescriptorsSince < 100 * Self.millisecond
    }

    /// Says goodbye to a connection that gets no session. Its peer may see only the end.
    private mutating func refuse(_ descriptor: Int32, _ reason: EndReason) {
        guard core.pointee.hasSessionLayer else { return Sockets.close(descriptor) }
        refusal(reason).withUnsafeBytes { Sockets.refuse(descriptor, with: $0) }
    }

    private mutating func refusal(_ reason: EndReason) -> [UInt8] {
        let goodbye = Goodbye(reason: reason, text: goodbyeText(reason, clientVersion: 0))
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { memory in
            [UInt8](memory[..<(core.pointee.framing.encode(goodbye, into: memory) ?? 0)])
        }
    }

    /// What `goodbye` tells people.
    mutating func goodbyeText(_ reason: EndReason, clientVersion: UInt16) -> String {
        switch reason {
        case .leaving: "bye"
        case .shuttingDown: "the server is shutting down"
        case .malformed: "a packet's size is below its header or above the maximum"
        case .helloExpected: "the first packet must be a valid hello"
        case .helloTimeout: "no hello came in time"
        case .updateNeeded: updateText(clientVersion)
        case .violations: "too many invalid packets"
        case .silent: "nothing was heard for three heartbeats"
        case .slowReader: "the client does not read what is sent to it"
        case .full: "the server is full"
        case .handlerTimedOut: "a request took too long"
        case .failed: "the server failed this session"
        default: "\(reason)"
        }
    }

    private mutating func updateText(_ client: UInt16) -> String {
        let served = core.pointee.configuration.sessionLayer.served ?? []
        let versions = served.map { "\($0.version)" }.joined(separator: ", ")
        return "client speaks version \(client), this server version \(versions): other schema or version, update"
    }
}
