// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The private copy of what one session's commands of a tick are decided on, one after the other.
struct Actor: BitwiseCopyable {
    let session: UInt64
    var inWorld: Bool
    var object: UInt32
    var x: UInt16
    var y: UInt16
    var nextMove: UInt64
    /// The region that owns the object in this tick.
    var owner: Int
    /// It comes into the world in this tick.
    var isNew = false
}

extension Region {
    /// The first pass of a tick: every command is decided on the world as it stood at the end of the last tick.
    ///
    /// - Parameters:
    ///   - tick: above the last one; ticks start at 1.
    ///   - commands: one batch of every worker, in any order.
    ///   - effects: one batch for every region, in their order; emptied, then filled.
    public mutating func decide(tick: UInt64, commands: [CommandBatch], into effects: [EffectBatch]) {
        precondition(phase == .absorbed, "the last tick has not been applied and absorbed")
        precondition(tick > self.tick, "ticks rise")
        precondition(effects.count == map.count, "one batch for every region")
        self.tick = tick
        phase = .decided
        for batch in effects { batch.begin(tick: tick) }
        for index in 0..<actors.count { actorOf.remove(actors[index].session) }
        actors.removeAll()
        answers.removeAll()
        for batch in commands {
            precondition(batch.tick == tick, "a batch of another tick")
            ring.settle(worker: batch.worker, through: batch.settledThrough)
            for command in batch.commands { decide(command, of: batch, into: effects) }
        }
        monsterSteps = wander(into: effects)
    }

    private mutating func decide(_ command: Command, of batch: CommandBatch, into effects: [EffectBatch]) {
        let index = actor(session: command.session)
        switch command.what {
        case .move(let sequence, let clientTime, let x, let y):
            let code = step(index, to: x, y, command: command, into: effects)
            let actor = actors[index]
            answer(command, .moved(sequence: sequence, clientTime: clientTime, code: code, x: actor.x, y: actor.y))
        case .chat(let request, let scope, let text):
            let code = say(index, scope: scope, text: batch.text(text), command: command, into: effects)
            answer(command, .done(request: request, code: code))
        case .enter(let request, let object, let character, let name, let tile):
            precondition(object < Monsters.first, "a player with the number of a monster")
            let code: EnterCode = actors[index].inWorld ? .alreadyInWorld : .ok
            if code == .ok {
                spawn(index, object: object, at: tile)
                let actor = actors[index]
                let name = effects[actor.owner].append(text: batch.text(name).bytes)
                let what = Effect.What.spawn(x: actor.x, y: actor.y, character: character, name: name)
                emit(what, of: actor, command: command, into: effects)
            }
            let actor = actors[index]
            let what = Answer.What.entered(
                request: request, code: code, object: actor.object, x: actor.x, y: actor.y)
            answer(command, what)
        case .hush, .refresh:
            hush(index, command.what, command: command, into: effects)
        case .leave:
            _ = vanish(index, command: command, into: effects)
        case .logout(let request):
            answer(command, .done(request: request, code: vanish(index, command: command, into: effects)))
        }
    }

    private mutating func actor(session: UInt64) -> UInt32 {
        let known = actorOf[session]
        guard known == IndexTable.none else { return known }
        var actor = Actor(session: session, inWorld: false, object: 0, x: 0, y: 0, nextMove: 0, owner: self.index)
        let slot = entities.slot(session: session)
        if slot != EntityTable.none {
            let entity = entities[slot]
            actor = Actor(
                session: session, inWorld: true, object: entity.object, x: entity.x, y: entity.y,
                nextMove: entity.nextMove, owner: self.index)
        }
        let index = UInt32(truncatingIfNeeded: actors.count)
        actors.append(actor)
        actorOf.set(session, to: index)
        return index
    }

    private mutating func spawn(_ index: UInt32, object: UInt32, at tile: Tile?) {
        let entrance = configuration.entrance(of: object, at: tile)
        actors[index].inWorld = true
        actors[index].object = object
        actors[index].x = entrance.x
        actors[index].y = entrance.y
        actors[index].nextMove = now
        actors[index].owner = map.region(x: entrance.x, y: entrance.y)
        actors[index].isNew = true
    }

    /// A step is on time from `nextMove` on, and is taken up to one tick early: a client that sends exactly every
    /// interval is seen a tick early or late by chance. The next one counts from when this one was due, so that being
    /// early every time gains nothing.
    ///
    /// Who comes into the world stands still in that tick: the client has not been told where yet, and so an object
    /// never comes into the world in one sector and is seen for the first time in another.
    private mutating func step(
        _ index: UInt32, to x: UInt16, _ y: UInt16, command: Command, into effects: [EffectBatch]
    ) -> MoveCode {
        let actor = actors[index]
        guard actor.inWorld else { return .notInWorld }
        guard !actor.isNew else { return .tooSoon }
        guard Int(x) < configuration.width, Int(y) < configuration.height else { return .outsideMap }
        let distance = max(abs(Int(x) - Int(actor.x)), abs(Int(y) - Int(actor.y)))
        guard distance == 1 else { return .notNeighbour }
        let interval = UInt64(configuration.moveIntervalMilliseconds)
        let tolerance = UInt64(configuration.tickMilliseconds)
        guard interval == 0 || now &+ tolerance >= actor.nextMove else { return .tooSoon }
        let nextMove = max(now, actor.nextMove) &+ interval
        actors[index].x = x
        actors[index].y = y
        actors[index].nextMove = nextMove
        emit(.step(x: x, y: y, nextMove: nextMove), of: actor, command: command, into: effects)
        return .ok
    }

    private func say(
        _ index: UInt32, scope: UInt8, text: UnsafeRawBufferPointer, command: Command, into effects: [EffectBatch]
    ) -> ResultCode {
        let actor = actors[index]
        guard actor.inWorld else { return .notInWorld }
        guard scope == WorldProtocol.chatScopeView else { return .unknownScope }
        guard !text.isEmpty else { return .emptyText }
        guard text.count <= ChatText.maximum else { return .textTooLong }
        let range = effects[actor.owner].append(text: text.bytes)
        emit(.say(scope: scope, text: range), of: actor, command: command, into: effects)
        return .ok
    }

    /// Who comes into the world in this tick is no slow reader of it yet.
    private func hush(_ index: UInt32, _ what: Command.What, command: Command, into effects: [EffectBatch]) {
        let actor = actors[index]
        guard actor.inWorld, !actor.isNew else { return }
        if case .hush = what {
            emit(.hush(true), of: actor, command: command, into: effects)
        } else {
            emit(.hush(false), of: actor, command: command, into: effects)
        }
    }

    private mutating func vanish(_ index: UInt32, command: Command, into effects: [EffectBatch]) -> ResultCode {
        guard actors[index].inWorld else { return .notInWorld }
        actors[index].inWorld = false
        emit(.vanish, of: actors[index], command: command, into: effects)
        return .ok
    }

    private func emit(_ what: Effect.What, of actor: Actor, command: Command, into effects: [EffectBatch]) {
        effects[actor.owner].append(
            Effect(target: actor.object, source: command.session, number: command.number, what: what))
    }

    private mutating func answer(_ command: Command, _ what: Answer.What) {
        answers.append(Answer(session: command.session, number: command.number, what: what))
    }
}
