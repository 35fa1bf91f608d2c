// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// A session whose subscription changed at the end of the last tick: in this one it is told privately.
struct View: BitwiseCopyable {
    let session: UInt64
    let object: UInt32
    /// What it was subscribed to before; empty when it had just entered.
    let before: SectorArea
    /// What it is subscribed to now.
    let after: SectorArea
}

/// A change by which an object came into a view from outside.
struct Incomer: BitwiseCopyable {
    /// Where it came from.
    let sector: Sector
    let change: UInt32
}

extension Region {
    /// Writes what single sessions get: answers in the order of their commands, then this region's part of what a
    /// changed view needs.
    ///
    /// - Returns: to how many views it had anything to say.
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
            content.closeSection(.answers, of: session, from: start)
            while view < views.count, views[view].session == session {
                if encode(views[view], batches, into: &content) { encoded += 1 }
                view += 1
            }
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

    /// Writes, for every object of this region, what leads from what the session knew to what it is to know. Its own
    /// is left out. Whether the session still plays is for its audience to see.
    ///
    /// - Returns: whether there was anything to write.
    private mutating func encode(_ view: View, _ batches: [EffectBatch], into content: inout FrameContent) -> Bool {
        let begin = content.privateBytes.count
        for row in view.before.rows.clamped(to: rows) {
            encodeChanges(row: row, view, batches, into: &content.privateBytes)
            for column in view.before.columns {
                let sector = Sector(column: column, row: row)
                if !view.after.contains(sector) {
                    encodeUntouched(sector, of: view, as: .remove, into: &content.privateBytes)
                }
            }
        }
        content.closeSection(.known, of: view.session, from: begin)
        var start = content.privateBytes.count
        for row in view.after.rows.clamped(to: rows) {
            encodeStays(row: row, view, batches, into: &content.privateBytes)
            for column in view.after.columns {
                let sector = Sector(column: column, row: row)
                if !view.before.contains(sector) {
                    encodeUntouched(sector, of: view, as: .add, into: &content.privateBytes)
                }
            }
        }
        content.closeSection(.new, of: view.session, from: start)
        start = content.privateBytes.count
        encodeIncomers(view, batches, into: &content.privateBytes)
        content.closeSection(.incoming, of: view.session, from: start)
        return content.privateBytes.count > begin
    }

    /// The changes of objects that were in a row of the old subscription, or came into the world there.
    private func encodeChanges(
        row: Int, _ view: View, _ batches: [EffectBatch], into arena: inout ByteArena
    ) {
        var index = firstItem(of: Sector(column: Int(view.before.left), row: row))
        let last = Sector(column: Int(view.before.right), row: row)
        while index < items.count, items[index].sector <= last {
            let item = items[index]
            index += 1
            guard item.kind == .stay || item.kind == .move else { continue }
            let change = changes[item.change]
            guard change.object != view.object else { continue }
            let showing = Showing(
                knownBefore: change.before != .none, knownAfter: view.after.contains(change.after))
            if let showing { encode(change, as: showing, batches, into: &arena) }
        }
    }

    /// The changes of objects that are in a sector of a row that is new to the subscription, and did not come there
    /// from another.
    private func encodeStays(
        row: Int, _ view: View, _ batches: [EffectBatch], into arena: inout ByteArena
    ) {
        var index = firstItem(of: Sector(column: Int(view.after.left), row: row))
        let last = Sector(column: Int(view.after.right), row: row)
        while index < items.count, items[index].sector <= last {
            let item = items[index]
            index += 1
            guard item.kind == .stay, !view.before.contains(item.sector) else { continue }
            let change = changes[item.change]
            guard change.object != view.object, change.after != .none else { continue }
            encode(change, as: .add, batches, into: &arena)
        }
    }

    /// The changes of objects that went from sectors which the session did not know to some that it is to know; sorted
    /// by where they came from, so that region after region is the order of the whole map.
    private mutating func encodeIncomers(_ view: View, _ batches: [EffectBatch], into arena: inout ByteArena) {
        incomers.removeAll()
        for row in view.after.rows {
            var index = firstItem(of: Sector(column: Int(view.after.left), row: row))
            let last = Sector(column: Int(view.after.right), row: row)
            while index < items.count, items[index].sector <= last {
                let item = items[index]
                index += 1
                guard item.kind == .add, !view.before.contains(item.other) else { continue }
                guard changes[item.change].object != view.object else { continue }
                incomers.append(Incomer(sector: item.other, change: item.change))
            }
        }
        // Changes are in the order of objects.
        incomers.sort(scratch: &incomerScratch) { ($0.sector.rawValue, $0.change) < ($1.sector.rawValue, $1.change) }
        for index in 0..<incomers.count { encode(changes[incomers[index].change], as: .add, batches, into: &arena) }
    }

    /// Objects of a sector that nothing happened to in this tick, so that no change tells of them.
    private func encodeUntouched(
        _ sector: Sector, of view: View, as showing: Showing, into arena: inout ByteArena
    ) {
        var slot = entities.first(in: sector)
        while slot != EntityTable.none {
            if entities.touched(slot) != tick, entities[slot].object != view.object {
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

extension FrameContent {
    /// Keeps what has been written since `start` as a section of a session, if anything has.
    fileprivate mutating func closeSection(_ part: PrivateSection.Part, of session: UInt64, from start: Int) {
        let range = privateBytes.range(from: start)
        if range.count > 0 { privates.append(PrivateSection(session: session, part: part, range: range)) }
    }
}
