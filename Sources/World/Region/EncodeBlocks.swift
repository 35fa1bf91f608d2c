// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// A change's place in a block.
struct BlockItem: BitwiseCopyable {
    /// Of its block (`Block.key`).
    let key: UInt64
    let sector: Sector
    let other: Sector
    let change: UInt32
    let kind: Block.Kind
    let urgency: Block.Urgency
}

/// How a change shows to somebody, by what he knew before and knows after it.
enum Showing {
    /// He did not know the object and does now.
    case add
    /// He knew it and does no more.
    case remove
    /// He knew it and still does.
    case event

    init?(knownBefore: Bool, knownAfter: Bool) {
        switch (knownBefore, knownAfter) {
        case (false, true): self = .add
        case (true, false): self = .remove
        case (true, true): self = .event
        case (false, false): return nil
        }
    }
}

extension Region {
    /// Writes what happened, once, whoever looks: changes sorted by block, blocks in the order of the sectors.
    mutating func encodeBlocks(_ batches: [EffectBatch], into content: inout FrameContent) {
        sortIntoBlocks()
        var index = 0
        while index < items.count {
            let first = items[index]
            let start = content.blockBytes.count
            while index < items.count, items[index].key == first.key {
                let change = changes[items[index].change]
                encode(change, as: showing(of: change, in: first.kind), batches, into: &content.blockBytes)
                index += 1
            }
            content.blocks.append(
                Block(
                    sector: first.sector, other: first.other, kind: first.kind, urgency: first.urgency,
                    range: content.blockBytes.range(from: start)))
        }
    }

    private mutating func sortIntoBlocks() {
        items.removeAll()
        for index in 0..<changes.count {
            let change = changes[index]
            let number = UInt32(truncatingIfNeeded: index)
            if change.before == change.after {
                add(number, .stay, change.before, .none)
            } else if change.before == .none {
                add(number, .stay, change.after, .none)
            } else if change.after == .none {
                add(number, .stay, change.before, .none)
            } else {
                add(number, .move, change.before, change.after)
                add(number, .remove, change.before, change.after)
                add(number, .add, change.after, change.before)
            }
        }
        // Changes are in the order of objects, and equals keep theirs: so are the packets of a block.
        items.sort(scratch: &itemScratch) { $0.key < $1.key }
    }

    private mutating func add(_ change: UInt32, _ kind: Block.Kind, _ sector: Sector, _ other: Sector) {
        let urgency = changes[Int(change)].urgency
        let key = Block.key(sector: sector, kind: kind, urgency, other: other)
        items.append(
            BlockItem(key: key, sector: sector, other: other, change: change, kind: kind, urgency: urgency))
    }

    private func showing(of change: Change, in kind: Block.Kind) -> Showing {
        switch kind {
        case .add: .add
        case .remove: .remove
        case .move: .event
        case .stay: change.before == .none ? .add : change.after == .none ? .remove : .event
        }
    }

    /// Writes one change as one kind of viewer sees it.
    ///
    /// Whoever knows the speaker before or after the tick hears it: a text follows the packet that makes the speaker
    /// known, and goes before the one that ends it.
    func encode(
        _ change: Change, as showing: Showing, _ batches: [EffectBatch], into arena: inout ByteArena
    ) {
        switch showing {
        case .add: encodeAdd(change.slot, into: &arena)
        case .event:
            if change.moved {
                let entity = entities[change.slot]
                arena.append(MoveObject(object: entity.object, x: entity.x, y: entity.y))
            }
        case .remove: break
        }
        for index in change.firstSay..<(change.firstSay + change.sayCount) {
            let key = order[index]
            guard case .say(let scope, let text) = effect(key).what else { continue }
            let bytes = batches[Int(key.batch)].text(text).bytes
            guard let text = ChatText(bytes) else { continue }
            arena.append(ChatMessage(object: change.object, scope: scope, text: text))
        }
        if showing == .remove { arena.append(RemoveObject(object: change.object)) }
    }

    func encodeAdd(_ slot: UInt32, into arena: inout ByteArena) {
        let entity = entities[slot]
        arena.append(
            AddObject(object: entity.object, kind: entity.kind, x: entity.x, y: entity.y, name: entity.name))
    }
}
