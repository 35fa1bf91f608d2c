// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Where the effects of one batch and their texts lie while they are applied.
struct EffectSource: BitwiseCopyable {
    let effects: UnsafeBufferPointer<Effect>
}

/// An effect's place in the order (target, class, source, number).
struct EffectKey: BitwiseCopyable {
    let target: UInt32
    let order: UInt8
    let batch: UInt16
    let number: UInt32
    let index: UInt32
    let source: UInt64

    static func precedes(_ left: EffectKey, _ right: EffectKey) -> Bool {
        if left.target != right.target { return left.target < right.target }
        if left.order != right.order { return left.order < right.order }
        if left.source != right.source { return left.source < right.source }
        return left.number < right.number
    }
}

/// What a tick did to one object, as it shows from outside.
struct Change: BitwiseCopyable {
    let object: UInt32
    /// `EntityTable.none` once the object has left the world.
    var slot: UInt32
    var moved = false
    /// Ambient as long as nothing happened to it but that a monster stepped.
    var urgency = Block.Urgency.prompt
    /// Where it was at the end of the last tick, and where it is now; `Sector.none`: not in the world.
    var before = Sector.none
    var after = Sector.none
    /// What it said: a run of the ordered effects.
    var firstSay: UInt32 = 0
    var sayCount: UInt32 = 0
}

extension Region {
    /// The second pass of a tick: effects are applied, and the frame is written.
    ///
    /// - Parameter effects: one batch of every region, of the tick that was decided last.
    /// - Returns: the frame, to be read by every worker until it has settled the tick.
    public mutating func apply(_ effects: [EffectBatch]) -> Frame {
        precondition(phase == .decided, "a tick is decided before it is applied")
        phase = .applied
        collect(effects)
        changes.removeAll()
        hushed.removeAll()
        departures.removeAll()
        changedSectors.removeAll()
        let frame = ring.take(tick: tick)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, order[end].target == order[start].target { end += 1 }
            change(start..<end, of: effects, into: &frame.content)
            start = end
        }
        frame.content.ended.sort(scratch: &endedScratch, by: <)
        encodeBlocks(effects, into: &frame.content)
        frame.monsterSteps = monsterSteps
        frame.privateViews = encodePrivates(effects, into: &frame.content)
        subscribe(into: &frame.content)
        handOver(into: &frame.content)
        return frame
    }

    private mutating func collect(_ batches: [EffectBatch]) {
        sources.removeAll()
        order.removeAll()
        for batch in batches {
            precondition(batch.tick == tick, "effects of another tick")
            let source = EffectSource(effects: batch.effects)
            for (index, effect) in source.effects.enumerated() {
                order.append(
                    EffectKey(
                        target: effect.target, order: effect.what.order,
                        batch: UInt16(truncatingIfNeeded: sources.count), number: effect.number,
                        index: UInt32(truncatingIfNeeded: index), source: effect.source))
            }
            sources.append(source)
        }
        order.sort(scratch: &orderScratch, by: EffectKey.precedes)
    }

    func effect(_ key: EffectKey) -> Effect { sources[Int(key.batch)].effects[Int(key.index)] }

    /// Applies the effects on one object, which lie together, and notes what came of them.
    private mutating func change(_ run: Range<Int>, of batches: [EffectBatch], into content: inout FrameContent) {
        let object = order[run.lowerBound].target
        var change = Change(object: object, slot: entities.slot(object: object))
        var from: (x: UInt16, y: UInt16)?
        if change.slot != EntityTable.none {
            let entity = entities[change.slot]
            from = (entity.x, entity.y)
            change.before = grid.sector(x: entity.x, y: entity.y)
        }
        var vanished = false
        var isTurned = false
        for index in run {
            let key = order[index]
            let effect = effect(key)
            switch effect.what {
            case .spawn(let x, let y, let character, let name):
                let text = batches[Int(key.batch)].text(name)
                change.slot = spawn(effect, x: x, y: y, character: character, name: Name(text.bytes) ?? Name())
            case .step(let x, let y, let nextMove):
                guard change.slot != EntityTable.none else { continue }
                entities[change.slot].x = x
                entities[change.slot].y = y
                entities[change.slot].nextMove = nextMove
            case .say:
                if change.sayCount == 0 { change.firstSay = UInt32(truncatingIfNeeded: index) }
                change.sayCount += 1
            case .hush(let isHushed):
                guard change.slot != EntityTable.none else { continue }
                entities[change.slot].isHushed = isHushed
                isTurned = true
            case .vanish:
                vanished = true
            }
        }
        guard change.slot != EntityTable.none else { return }
        settle(&change, from: from, vanished: vanished, into: &content)
        if isTurned, change.slot != EntityTable.none { hushed.append(change.slot) }
    }

    private mutating func spawn(
        _ effect: Effect, x: UInt16, y: UInt16, character: UInt64, name: Name
    ) -> UInt32 {
        entities.insert(
            Entity(
                object: effect.target, kind: .player, x: x, y: y, session: effect.source, character: character,
                nextMove: now, subscription: .empty, arrived: tick, name: name))
    }

    /// Puts the entity where it belongs now, and keeps the change if anybody could notice it.
    private mutating func settle(
        _ change: inout Change, from: (x: UInt16, y: UInt16)?, vanished: Bool, into content: inout FrameContent
    ) {
        let slot = change.slot
        let entity = entities[slot]
        if !vanished { change.after = grid.sector(x: entity.x, y: entity.y) }
        let hasOnlyStepped = from != nil && !vanished && change.sayCount == 0
        if entity.kind == .monster, hasOnlyStepped { change.urgency = .ambient }
        if let from { change.moved = from != (entity.x, entity.y) }
        if change.before != .none { changedSectors.append(change.before) }
        if entity.kind == .player, change.moved || from == nil {
            content.places.append(Place(session: entity.session, tile: Tile(x: entity.x, y: entity.y)))
        }
        if change.before != change.after {
            if change.before != .none { entities.unlink(slot, from: change.before) }
            if change.after != .none { place(slot, in: change.after) }
        }
        // What nobody can notice, as two steps that end where they began, must not count as told by a change.
        let present = change.before != .none || change.after != .none
        let noticed = change.before != change.after || change.moved || change.sayCount > 0
        if present && noticed { entities.touch(slot, tick: tick) }
        if vanished {
            // A session that came and went within the tick was never subscribed to anything.
            if change.before != .none {
                content.ended.append(entity.session)
                content.released.append(entity.subscription)
            }
            entities.remove(slot)
            change.slot = EntityTable.none
        }
        if present && noticed { changes.append(change) }
    }

    private mutating func place(_ slot: UInt32, in sector: Sector) {
        entities[slot].arrived = tick
        guard owns(sector) else { return departures.append(slot) }
        entities.link(slot, to: sector)
        changedSectors.append(sector)
    }

    /// What the sessions of objects that moved, and those that were hushed or are no longer, are subscribed to from the
    /// next tick on.
    private mutating func subscribe(into content: inout FrameContent) {
        turned.removeAll()
        for index in 0..<changes.count {
            let change = changes[index]
            guard change.slot != EntityTable.none, change.moved || change.before == .none else { continue }
            subscribe(change.slot)
        }
        for index in 0..<hushed.count { subscribe(hushed[index]) }
        turned.sort(scratch: &turnedScratch) { $0.session < $1.session }
        for index in 0..<turned.count { content.subscriptions.append(turned[index]) }
    }

    private mutating func subscribe(_ slot: UInt32) {
        let entity = entities[slot]
        guard entity.kind == .player else { return }
        let area = entity.isHushed ? .empty : grid.area(x: entity.x, y: entity.y)
        guard area != entity.subscription else { return }
        turned.append(
            SubscriptionChange(
                session: entity.session, object: entity.object, before: entity.subscription, area: area))
        entities[slot].subscription = area
    }
}
