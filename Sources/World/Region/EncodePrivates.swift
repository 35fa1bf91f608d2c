// SPDX-License-Identifier: Apache-2.0

/// A session whose subscription changed at the end of the last tick: in this one it is told privately.
struct View: BitwiseCopyable {
    let session: UInt64
    let object: UInt32
    /// What it was subscribed to before; empty when it had just entered.
    let before: SectorArea
}

extension Region {
    /// Writes what single sessions get: answers in the order of their commands, then what a changed view needs.
    ///
    /// - Returns: how many views were written.
    mutating func encodePrivates(_ batches: [EffectBatch], into content: inout FrameContent) -> Int {
        answers.sort(scratch: &answerScratch) {
            ($0.session, $0.number) < ($1.session, $1.number)
        }
        var encoded = 0
        var answer = 0
        var view = 0
        while answer < answers.count || view < views.count {
            let nextAnswer = answer < answers.count ? answers[answer].session : .max
            let nextView = view < views.count ? views[view].session : .max
            let session = min(nextAnswer, nextView)
            let start = content.privateBytes.count
            while answer < answers.count, answers[answer].session == session {
                encode(answers[answer], into: &content.privateBytes)
                answer += 1
            }
            while view < views.count, views[view].session == session {
                if encode(views[view], batches, into: &content.privateBytes) { encoded += 1 }
                view += 1
            }
            let range = content.privateBytes.range(from: start)
            if range.count > 0 { content.privates.append(PrivateSection(session: session, range: range)) }
        }
        return encoded
    }

    private func encode(_ answer: Answer, into arena: inout ByteArena) {
        switch answer.what {
        case .moved(let sequence, let clientTime, let code, let x, let y):
            arena.append(MoveResult(sequence: sequence, clientTime: clientTime, code: code, x: x, y: y))
        case .done(let request, let code):
            arena.append(RequestResult(request: request, code: code))
        case .entered(let request, let code, let object, let x, let y):
            arena.append(
                EnterWorld(request: request, code: code, object: object, x: x, y: y, configuration: configuration))
        }
    }

    /// Writes, for every object, what leads from what the session knew to what it is to know. Its own is left out.
    ///
    /// - Returns: false when the player has left the world meanwhile.
    private func encode(_ view: View, _ batches: [EffectBatch], into arena: inout ByteArena) -> Bool {
        let slot = entities.slot(object: view.object)
        guard slot != EntityTable.none else { return false }
        let before = view.before
        let after = entities[slot].subscription
        for row in before.rows {
            encodeChanges(row: row, of: before, view, after: after, batches, into: &arena)
            for column in before.columns {
                let sector = Sector(column: column, row: row)
                if !after.contains(sector) { encodeUntouched(sector, as: .remove, into: &arena) }
            }
        }
        for row in after.rows {
            encodeArrivals(row: row, of: after, view, batches, into: &arena)
            for column in after.columns {
                let sector = Sector(column: column, row: row)
                if !before.contains(sector) { encodeUntouched(sector, as: .add, into: &arena) }
            }
        }
        return true
    }

    /// The changes of objects that were in a row of the old subscription, or came into the world there.
    private func encodeChanges(
        row: Int, of before: SectorArea, _ view: View, after: SectorArea, _ batches: [EffectBatch],
        into arena: inout ByteArena
    ) {
        var index = firstItem(of: Sector(column: Int(before.left), row: row))
        let last = Sector(column: Int(before.right), row: row)
        while index < items.count, items[index].sector <= last {
            let item = items[index]
            index += 1
            guard item.kind == .stay || item.kind == .move else { continue }
            let change = changes[item.change]
            guard change.object != view.object else { continue }
            let showing = Showing(
                knownBefore: change.before != .none, knownAfter: after.contains(change.after))
            if let showing { encode(change, as: showing, batches, into: &arena) }
        }
    }

    /// The changes of objects that are in a row of the new subscription and were not in the old one.
    private func encodeArrivals(
        row: Int, of after: SectorArea, _ view: View, _ batches: [EffectBatch], into arena: inout ByteArena
    ) {
        var index = firstItem(of: Sector(column: Int(after.left), row: row))
        let last = Sector(column: Int(after.right), row: row)
        while index < items.count, items[index].sector <= last {
            let item = items[index]
            index += 1
            let change = changes[item.change]
            guard item.kind == .add || (item.kind == .stay && !view.before.contains(item.sector)),
                change.object != view.object, !view.before.contains(change.before), change.after != .none
            else { continue }
            encode(change, as: .add, batches, into: &arena)
        }
    }

    /// Objects of a sector that nothing happened to in this tick, so that no change tells of them.
    private func encodeUntouched(_ sector: Sector, as showing: Showing, into arena: inout ByteArena) {
        var slot = entities.first(in: sector)
        while slot != EntityTable.none {
            if entities.touched(slot) != tick {
                if showing == .add {
                    encodeAdd(slot, into: &arena)
                } else {
                    arena.append(RemoveObject(object: entities[slot].object))
                }
            }
            slot = entities.next(slot)
        }
    }

    private func firstItem(of sector: Sector) -> Int {
        items.view.lowerBound { $0.sector < sector }
    }
}
