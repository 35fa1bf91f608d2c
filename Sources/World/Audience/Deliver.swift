// SPDX-License-Identifier: Apache-2.0

/// One tick, from frames to what each session gets.
extension Audience {
    /// Says what each session gets in the tick whose frames have begun, once for each session that gets anything.
    ///
    /// The bytes lie in the frames and stay where they are until this worker settles the tick. Neighbouring blocks are
    /// one piece. A session that the worker has closed meanwhile may still be named, until the world has heard of it.
    ///
    /// - Parameter sink: the session; the pieces that are its alone, which go first; the pieces that it shares, in the
    ///   order of the sectors. The lists themselves are used again when it returns.
    /// - Complexity: O(blocks × cohorts around them + sessions that get something); nothing is allocated once the
    ///   largest tick has been seen.
    public mutating func deliver(
        _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        round += 1
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
            let member = toldMembers[index]
            if members[member].delivered != round {
                blockBuffer.removeAll()
                deliver(member: member, sink)
            }
        }
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
            if cohorts.mark(cohort, round: round) { touchedCohorts.append(cohort) }
            cohorts.append(bytes, to: cohort, &pieces)
        }
    }

    private mutating func deliver(
        cohort: UInt32, _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) {
        blockBuffer.removeAll()
        pieces.copy(cohorts.chain(of: cohort), to: &blockBuffer)
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
        members[member].delivered = round
        let session = members[member].session
        sink(session, Span(_unsafeElements: privateBuffer.view), Span(_unsafeElements: blockBuffer.view))
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
