// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// From bytes to handlers: reassemble, check, route.
extension Worker where Port: ~Copyable {
    /// Hands every whole packet in `bytes` to its handler; what is left is put by.
    @inline(__always)
    mutating func deliver(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ bytes: UnsafeRawBufferPointer
    ) {
        if hooks.takesBytes {
            activity.pointee.note(.bytes, count: core.pointee.counts.pointee.bytesReceived.value)
            hooks.bytes(bytes.bytes, Session(core: core, slot: slot), state)
            return
        }
        var rest = bytes
        let isGreeting = record.pointee.phase == .greeting
        // What comes behind the hello may be packets already.
        if isGreeting, !greet(slot, record, &rest) { return }
        _ = deliver(slot, record, &rest, framing: core.pointee.framing, isGreeting: false, hasDelivered: isGreeting)
    }

    @inline(never)
    private mutating func greet(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ rest: inout UnsafeRawBufferPointer
    ) -> Bool {
        deliver(slot, record, &rest, framing: core.pointee.greetingFraming, isGreeting: true, hasDelivered: false)
    }

    /// Hands packets over until there is none, the session ends, or a greeting is over.
    ///
    /// - Parameter hasDelivered: whether packets of the same bytes have been handed over before.
    /// - Returns: whether a greeting is over and the session goes on; what there is more is still in `rest`.
    @inline(__always)
    private mutating func deliver(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ rest: inout UnsafeRawBufferPointer,
        framing: Framing, isGreeting: Bool, hasDelivered: Bool
    ) -> Bool {
        let core = core
        var hasDelivered = hasDelivered
        while true {
            switch record.pointee.reassembler.next(&rest, framing: framing, pool: &core.pointee.pool) {
            case .packet(let packet, let type):
                hasDelivered = true
                handle(slot, record, packet, type)
                guard !record.pointee.endRequested else { return false }
                if record.pointee.slowPartRuns {
                    // The packet may have come in pieces, and is whole now.
                    record.pointee.partialSince = 0
                    hold(slot, record, rest)
                    return false
                }
                if isGreeting, record.pointee.phase != .greeting { return true }
            case .incomplete:
                if record.pointee.reassembler.carried == 0 {
                    record.pointee.partialSince = 0
                } else {
                    notePartial(slot, record, isNew: hasDelivered)
                }
                return false
            case .malformed:
                core.pointee.requestEnd(slot, .malformed)
                return false
            }
        }
    }

    /// A packet has begun and not ended: its time runs from when it began.
    private mutating func notePartial(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, isNew: Bool) {
        let wasTimed = record.pointee.partialSince > 0
        if isNew || !wasTimed { record.pointee.partialSince = core.pointee.now }
        if !wasTimed, core.pointee.configuration.packetTimeout > 0 { core.pointee.schedule(slot) }
    }

    @inline(__always)
    private mutating func handle(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ packet: UnsafeRawBufferPointer, _ type: PacketType
    ) {
        let packetNumber = core.pointee.counts.pointee.packets.next()
        activity.pointee.note(.packet, detail: UInt32(type.rawValue), count: packetNumber)
        #if DEBUG || GORI_FAULTS
            if Faults.dropsPacket(packetNumber) { return }
        #endif
        if hooks.takesAnyPacket {
            return hooks.anyPacket(packet.bytes, Session(core: core, slot: slot), state)
        }
        let body = UnsafeRawBufferPointer(rebasing: packet[core.pointee.framing.headerSize...])
        if core.pointee.hasSessionLayer,
            type.rawValue < PacketType.firstOfGame.rawValue || record.pointee.phase == .greeting
        {
            return handleSessionPacket(slot, record, body, type)
        }
        let number = Int(type.rawValue)
        guard number < routeCount, routes[number].minimumBody <= body.count, body.count <= routes[number].maximumBody,
            routes[number].stages & record.pointee.stage.mask != 0
        else { return core.pointee.violate(slot) }
        do throws(DecodeError) {
            try routes[number](body.bytes, Session(core: core, slot: slot), state)
        } catch {
            core.pointee.violate(slot)
        }
    }

    // MARK: Session layer

    private mutating func handleSessionPacket(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ body: UnsafeRawBufferPointer, _ type: PacketType
    ) {
        guard record.pointee.phase != .greeting else { return greet(slot, record, body, type) }
        switch type {
        case Ping.type:
            guard let ping = try? Ping.decode(body.bytes), countPing(record) else { return core.pointee.violate(slot) }
            Session(core: core, slot: slot).send(Pong(token: ping.token, time: core.pointee.wireTime))
        case Pong.type:
            if (try? Pong.decode(body.bytes)) == nil { core.pointee.violate(slot) }
        case Goodbye.type:
            guard (try? Goodbye.decode(body.bytes)) != nil else { return core.pointee.violate(slot) }
            core.pointee.requestEnd(slot, .leaving)
        default:
            core.pointee.violate(slot)
        }
    }

    /// At most 4 pings a heartbeat are answered.
    private mutating func countPing(_ record: UnsafeMutablePointer<SessionRecord>) -> Bool {
        let window = WorkerCore.ms(max(1, core.pointee.configuration.heartbeat))
        if core.pointee.now &- record.pointee.pingWindow >= window {
            record.pointee.pingWindow = core.pointee.now
            record.pointee.pings = 0
        }
        record.pointee.pings = min(record.pointee.pings &+ 1, 5)
        return record.pointee.pings <= 4
    }

    private mutating func greet(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ body: UnsafeRawBufferPointer, _ type: PacketType
    ) {
        guard type == Hello.type, let hello = try? Hello.decode(body.bytes) else {
            return core.pointee.requestEnd(slot, .helloExpected)
        }
        let offered = SessionLayer.ProtocolVersion(version: hello.version, fingerprint: hello.fingerprint)
        guard let served = core.pointee.configuration.sessionLayer.served, served.contains(offered),
            hello.format == Hello.binaryFormat
        else {
            record.pointee.clientVersion = hello.version
            return core.pointee.requestEnd(slot, .updateNeeded)
        }
        record.pointee.phase = .open
        let configuration = core.pointee.configuration
        let session = Session(core: core, slot: slot)
        session.send(
            Welcome(
                session: session.id.rawValue, serverTime: core.pointee.wireTime,
                heartbeat: UInt16(clamping: configuration.heartbeat),
                maximumPacket: UInt16(clamping: core.pointee.framing.maximumPacketSize)))
        opened(slot, record)
    }

    /// The session may be used: the application learns of it.
    mutating func opened(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        record.pointee.wasOpened = true
        core.pointee.schedule(slot)
        activity.pointee.note(core.pointee.id(of: slot))
        activity.pointee.note(.opening)
        hooks.open(Session(core: core, slot: slot), state)
    }

    // MARK: Slow parts

    /// Keeps input for later, and stops reading when two packets' worth has gathered.
    mutating func hold(
        _ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ bytes: UnsafeRawBufferPointer
    ) {
        record.pointee.held.append(bytes, pool: &core.pointee.pool)
        if record.pointee.held.byteCount > 2 * core.pointee.framing.maximumPacketSize { pause(slot, record) }
    }

    /// The slow part of a handler has ended: runs its second part and then what came meanwhile.
    mutating func finishSlowPart(_ id: SessionID, _ body: (Session, UnsafeMutableRawPointer) -> Void) {
        core.pointee.slowPartsRunning -= 1
        guard let record = core.pointee.find(id), record.pointee.phase == .open, record.pointee.slowPartRuns,
            !record.pointee.endRequested
        else { return }
        record.pointee.slowPartRuns = false
        activity.pointee.note(id)
        activity.pointee.note(.slowPartEnd)
        body(Session(core: core, slot: id.slot), state)
        var input = record.pointee.held
        record.pointee.held = Backlog()
        while !input.isEmpty {
            let chunk = input.firstChunk
            if record.pointee.slowPartRuns {
                hold(id.slot, record, chunk)
            } else if !record.pointee.endRequested {
                deliver(id.slot, record, chunk)
            }
            input.dropFirst(pool: &core.pointee.pool)
        }
        if !record.pointee.slowPartRuns { resume(id.slot, record) }
    }
}
