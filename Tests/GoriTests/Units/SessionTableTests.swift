// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Platform
import Testing

@testable import Gori

@Suite struct SessionTableTests {
    private func take(_ table: inout SessionTable) -> Int? {
        guard let slot = table.take() else { return nil }
        table.records[slot].phase = .open
        return slot
    }

    @Test("a full table gives nothing, and a freed slot is given again")
    func full() {
        var table = SessionTable(capacity: 10)
        var slots: Set<Int> = []
        for _ in 0..<10 { slots.insert(take(&table) ?? -1) }
        #expect(slots == Set(0..<10))
        #expect(take(&table) == nil)
        #expect(table.count == 10)
        table.giveBack(4)
        #expect(table.count == 9)
        #expect(take(&table) == 4)
        #expect(take(&table) == nil)
    }

    @Test("a slot given back waits behind all others: first in, first out")
    func order() {
        var table = SessionTable(capacity: 100)
        for _ in 0..<100 { _ = take(&table) }
        for slot in 0..<100 { table.giveBack(slot) }
        for slot in 0..<100 {
            #expect(take(&table) == slot)
            table.giveBack(slot)
        }
        #expect((0..<100).map { _ in take(&table) ?? -1 } == Array(0..<100))
    }

    @Test("a slot is not given again at once, so that its generation lasts")
    func ageing() {
        var table = SessionTable(capacity: 1_000)
        var uses: [Int: Int] = [:]
        for _ in 0..<10_000 {
            guard let slot = take(&table) else { continue }
            uses[slot, default: 0] += 1
            table.giveBack(slot)
        }
        #expect((uses.values.max() ?? 0) <= 10_000 / 64 + 1)
        #expect(table.slotsTouched < 100, "a server with few sessions touches little memory")
    }

    @Test("a name is good for one session: generations tell them apart")
    func generations() {
        var table = SessionTable(capacity: 4)
        var dice = Dice(seed: 1)
        var live: [Int: UInt32] = [:]
        var dead: [(Int, UInt32)] = []
        for _ in 0..<5_000 {
            if dice.chance(55), let slot = take(&table) {
                live[slot] = table.records[slot].generation
            } else if let slot = live.keys.sorted().first(where: { _ in dice.chance(40) }) {
                table.giveBack(slot)
                dead.append((slot, live.removeValue(forKey: slot) ?? 0))
            }
            #expect(table.count == live.count)
            for (slot, generation) in live {
                #expect(table.find(slot: slot, generation: generation) == table.records + slot)
            }
            for (slot, generation) in dead.suffix(20) { #expect(table.find(slot: slot, generation: generation) == nil) }
        }
        #expect(table.find(slot: 4, generation: 0) == nil)
    }

    @Test("what every packet looks at lies in the first two of a record's four cache lines, which a port has fetched")
    func recordLayout() throws {
        #expect(MemoryLayout<SessionRecord>.stride == 4 * SlotMemory.line)
        let fetched: [PartialKeyPath<SessionRecord>] = [
            \.phase, \.partCount, \.firstPart, \.sentAt, \.reassembler, \.backlog, \.partialSince, \.tag,
        ]
        for field in fetched {
            let place = try #require(MemoryLayout<SessionRecord>.offset(of: field))
            #expect(place < 2 * SlotMemory.line, "\(field) at \(place)")
        }
    }

    @Test("an id holds worker, slot and generation")
    func ids() {
        var dice = Dice(seed: 2)
        for _ in 0..<1_000 {
            let (worker, slot) = (dice.below(256), dice.below(1 << 24))
            let generation = UInt32(truncatingIfNeeded: dice.next())
            let id = SessionID(worker: worker, slot: slot, generation: generation)
            #expect(id.worker == worker && id.slot == slot && id.generation == generation)
            #expect(SessionID(rawValue: id.rawValue) == id)
            #expect(id.description == "\(worker).\(slot).\(generation)")
        }
    }

    @Test("an address has its share of sessions, over all workers, and gets places back")
    func addressLimit() throws {
        let limit = AddressLimit(limit: 2)
        let first = try #require(SocketAddress("10.0.0.1:1"))
        let other = try #require(SocketAddress("10.0.0.2:1"))
        #expect(limit.admit(first))
        limit.remember(first, slot: 5, worker: 0)
        #expect(limit.admit(first.with(port: 9)))
        limit.remember(first, slot: 5, worker: 1)
        #expect(!limit.admit(first))
        #expect(limit.admit(other))
        limit.release(slot: 5, worker: 1)
        limit.release(slot: 5, worker: 1)
        limit.release(slot: 6, worker: 0)
        #expect(limit.admit(first))
        #expect(!limit.admit(first))
        limit.release(other)
        limit.release(other)
        #expect(limit.admit(other))
        #expect(limit.admit(other))
        #expect(!limit.admit(other))
    }
}
