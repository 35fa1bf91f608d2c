// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// One tick, from frames to what each session gets.
extension Audience {
    /// Says what each session gets in the tick whose frames have begun, once for each session that gets anything.
    ///
    /// The bytes lie in the frames, of this tick and of the `longestWait - 1` before it, and stay where they are until
    /// this worker settles the tick. Neighbouring blocks are one piece. A session that the worker has closed meanwhile
    /// may still be named, until the world has heard of it.
    ///
    /// - Parameter sink: the session; the pieces that are its alone, which go first; the pieces that it shares: ambient
    ///   ones in the order of their ticks, then prompt ones, each in the order of the sectors. The lists themselves are
    ///   used again when it returns.
    /// - Complexity: O(blocks × cohorts around them + sessions that get something); nothing is allocated once the
    ///   largest tick has been seen.
    public mutating func deliver(
        _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        guard let tick = frames.first?.tick else { return }
        round += 1
        held[Self.place(of: round)].removeAll()
        pieces.removeAll()
        touchedCohorts.removeAll()
        toldMembers.removeAll()
        for frame in frames { end(frame) }
        for part in PrivateSection.Part.allCases {
            for frame in frames { collect(part, of: frame, sink) }
        }
        collectBlocks()
        for index in 0..<touchedCohorts.count { deliver(cohort: touchedCohorts[index], sink) }
        for index in 0..<toldMembers.count {
            if members[toldMembers[index]].delivered != round { deliver(member: toldMembers[index], sink) }
        }
        for frame in frames { deliverHeld(before: frame, sink) }
        deliverAmbient(tick: tick, sink)
        for frame in frames { subscribe(frame) }
        for frame in frames { move(frame) }
        frames.removeAll(keepingCapacity: true)
    }

    private mutating func end(_ frame: Frame) {
        let ended = frame.ended
        for index in ownRange(ended, session: { $0 }) {
            let member = members.find(ended[index])
            guard member != MemberTable.none else { continue }
            cohorts.leave(members[member].cohort, member, &members)
            members.remove(member)
        }
    }

    private mutating func collect(
        _ part: PrivateSection.Part, of frame: Frame,
        _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        let sections = frame.privates
        for index in ownRange(sections, session: { $0.session }) {
            let section = sections[index]
            guard section.part == part else { continue }
            let member = members.find(section.session)
            // Not every region knows that a player left the world in this tick.
            if part != .answers {
                guard member != MemberTable.none, members[member].privateRound == round else { continue }
            }
            if member == MemberTable.none {
                privateBuffer.removeAll()
                privateBuffer.append(frame.bytes(of: section))
                sink(section.session, Span(_unsafeElements: privateBuffer.view), Span())
                continue
            }
            if members[member].told != round {
                members[member].told = round
                members[member].privates = PieceList.Chain()
                toldMembers.append(member)
            }
            pieces.append(frame.bytes(of: section), to: &members[member].privates)
        }
    }

    private mutating func collectBlocks() {
        guard frames.count > 1 else {
            for frame in frames {
                for block in frame.blocks { collect(block, frame.bytes(of: block)) }
            }
            return
        }
        ordered.removeAll()
        for (number, frame) in frames.enumerated() {
            for (index, block) in frame.blocks.enumerated() {
                ordered.append(
                    OrderedBlock(
                        key: block.key, frame: UInt32(truncatingIfNeeded: number),
                        index: UInt32(truncatingIfNeeded: index)))
            }
        }
        ordered.sort(scratch: &orderScratch) { $0.key < $1.key }
        for index in 0..<ordered.count {
            let frame = frames[Int(ordered[index].frame)]
            let block = frame.blocks[Int(ordered[index].index)]
            collect(block, frame.bytes(of: block))
        }
    }

    private mutating func collect(_ block: Block, _ bytes: UnsafeRawBufferPointer) {
        var node = cohorts.firstNode(in: block.sector)
        while node != CohortTable.none {
            let cohort = cohorts.cohort(of: node)
            node = cohorts.next(node)
            guard block.concerns(cohorts.area(of: cohort)) else { continue }
            guard block.urgency == .prompt else {
                cohorts.hold(bytes, for: cohort, round: round, &held[Self.place(of: round)])
                continue
            }
            if cohorts.mark(cohort, round: round) { touchedCohorts.append(cohort) }
            cohorts.append(bytes, to: cohort, &pieces)
        }
    }

    private mutating func deliver(
        cohort: UInt32, _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        var member = cohorts.firstMember(of: cohort)
        while member != MemberTable.none {
            // What a changed subscription needs is in its privates, this tick's changes included.
            if members[member].privateRound != round { deliver(member: member, sink) }
            member = members[member].next
        }
    }

    private mutating func deliver(
        member: UInt32, _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        privateBuffer.removeAll()
        if members[member].told == round { pieces.copy(members[member].privates, to: &privateBuffer) }
        if members[member].privateRound == round {
            blockBuffer.removeAll()
            prepared = Prepared()
        } else {
            prepare(members[member].cohort, through: members[member].through)
        }
        members[member].through = round
        guard !privateBuffer.isEmpty || !blockBuffer.isEmpty else { return }
        members[member].delivered = round
        let session = members[member].session
        sink(session, Span(_unsafeElements: privateBuffer.view), Span(_unsafeElements: blockBuffer.view))
    }

    /// Makes the list of blocks for members who have the ambient ones up to a delivery.
    private mutating func prepare(_ cohort: UInt32, through: UInt64) {
        let wanted = Prepared(cohort: cohort, through: through, round: round)
        guard prepared != wanted else { return }
        prepared = wanted
        blockBuffer.removeAll()
        var past = max(through + 1, round + 1 - min(round, Self.longestWait))
        while past <= round {
            if let chain = cohorts.held(by: cohort, of: past) {
                held[Self.place(of: past)].pieces.copy(chain, to: &blockBuffer)
            }
            past += 1
        }
        guard cohorts.isTouched(cohort, round: round) else { return }
        pieces.copy(cohorts.chain(of: cohort), to: &blockBuffer)
    }

    /// Where what a delivery holds back is kept until it is `longestWait` deliveries old.
    static func place(of round: UInt64) -> Int { Int(round % longestWait) }

    /// What has been held back for sessions whose subscription changes comes before the change, whatever changed it.
    private mutating func deliverHeld(
        before frame: Frame, _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        let changes = frame.subscriptions
        for index in ownRange(changes, session: { $0.session }) {
            let member = members.find(changes[index].session)
            guard member != MemberTable.none, members[member].through != round else { continue }
            deliver(member: member, sink)
        }
    }

    /// The sessions whose turn it is get what has been held back for them.
    private mutating func deliverAmbient(
        tick: UInt64, _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        for place in held.indices {
            for index in 0..<held[place].cohorts.count {
                let cohort = held[place].cohorts[index]
                guard cohorts.visit(cohort, round: round) else { continue }
                var member = cohorts.firstMember(of: cohort)
                while member != MemberTable.none {
                    let isTurn = members[member].session >> 32 % Self.longestWait == tick % Self.longestWait
                    if isTurn, members[member].delivered != round { deliver(member: member, sink) }
                    member = members[member].next
                }
            }
        }
    }

    private mutating func subscribe(_ frame: Frame) {
        let changes = frame.subscriptions
        for index in ownRange(changes, session: { $0.session }) {
            let change = changes[index]
            var member = members.find(change.session)
            if member == MemberTable.none {
                member = members.insert(change.session)
            } else {
                cohorts.leave(members[member].cohort, member, &members)
            }
            if change.before.isEmpty { members[member].home = Int32(truncatingIfNeeded: frame.region) }
            members[member].privateRound = round + 1
            members[member].through = round + 1
            cohorts.join(change.area, member, &members)
        }
    }

    private mutating func move(_ frame: Frame) {
        for entity in frame.crossings where entity.kind == .player && entity.session >> 56 == UInt64(worker) {
            let member = members.find(entity.session)
            guard member != MemberTable.none else { continue }
            members[member].home = Int32(truncatingIfNeeded: map.region(x: entity.x, y: entity.y))
        }
    }

    /// Lists of a frame are sorted by session and the worker is in the highest bits, so its own lie together.
    private func ownRange<Element>(
        _ list: UnsafeBufferPointer<Element>, session: (Element) -> UInt64
    ) -> Range<Int> {
        let first = UInt64(worker) << 56
        let low = list.lowerBound { session($0) < first }
        guard worker < .max else { return low..<list.count }
        let next = UInt64(worker + 1) << 56
        return low..<list.lowerBound { session($0) < next }
    }
}
