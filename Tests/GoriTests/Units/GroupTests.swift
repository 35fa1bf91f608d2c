// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing
import Wire

@testable import Gori

/// Groups inside one worker, without sockets: what every member's output is, against plain lists.
@Suite struct GroupTests {
    /// A worker's core with open sessions, and for each of them what it must be sent in this turn.
    private final class Hall {
        let core: UnsafeMutablePointer<WorkerCore>
        private let parts: UnsafeMutablePointer<IOVector>
        private(set) var members: [UInt64: Set<Int>] = [:]
        /// What each session must get: private packets in their places, and between them each group's in order.
        private var expected: [Int: [Expected]] = [:]
        let slots: [Int]
        private let pages = CounterPages(workerCount: 1)
        private var number: UInt32 = 0

        enum Expected: Equatable {
            case own(UInt32)
            case group(UInt64, UInt32)
        }

        init(sessions: Int) {
            var configuration = ServerConfiguration()
            configuration.maximumSessions = sessions
            let definition = ServerDefinition(
                configuration: configuration, makeState: { _ in .allocate(byteCount: 1, alignment: 1) },
                destroyState: { $0.deallocate() })
            core = .allocate(capacity: 1)
            core.initialize(
                to: WorkerCore(
                    index: 0, definition: definition, mailboxes: Mailboxes(workerCount: 1),
                    counts: pages.counts(of: 0), now: 0, startedAt: 0))
            parts = .allocate(capacity: WorkerCore.partLimit)
            var slots: [Int] = []
            for _ in 0..<sessions {
                guard let slot = core.pointee.sessions.take() else { break }
                core.pointee.sessions.records[slot].phase = .open
                slots.append(slot)
            }
            self.slots = slots
        }

        deinit {
            core.pointee.releaseBlocks()
            core.deinitialize(count: 1)
            core.deallocate()
            parts.deallocate()
        }

        private func packet() -> [UInt8] {
            number += 1
            var bytes = [UInt8](repeating: 0, count: 8 + Int(number % 200))
            bytes.withUnsafeMutableBytes {
                Framing().writeHeader(size: $0.count, type: 20, to: $0)
                $0.storeBytes(of: number.littleEndian, toByteOffset: 4, as: UInt32.self)
            }
            return bytes
        }

        func join(_ slot: Int, _ group: UInt64) {
            core.pointee.join(slot, Group(rawValue: group))
            members[group, default: []].insert(slot)
        }

        func leave(_ slot: Int, _ group: UInt64) {
            core.pointee.leave(slot, Group(rawValue: group))
            members[group]?.remove(slot)
        }

        func send(_ slot: Int) {
            packet().withUnsafeBytes { core.pointee.send(slot, $0) }
            expected[slot, default: []].append(.own(number))
        }

        func publish(_ group: UInt64) {
            let bytes = packet()
            if let (place, memory) = core.pointee.reserveLog(Group(rawValue: group), bytes.count) {
                memory.copyBytes(from: bytes)
                core.pointee.commitLog(place, memory, bytes.count)
            } else {
                #expect(members[group]?.isEmpty != false, "a group with members exists")
            }
            for slot in members[group] ?? [] { expected[slot, default: []].append(.group(group, number)) }
        }

        /// Ends the turn and compares what every session is sent.
        func endTurn(_ note: String) {
            core.pointee.flushGroups()
            for slot in slots {
                let count = core.pointee.gather(slot, into: parts)
                var numbers: [UInt32] = []
                for index in 0..<count {
                    var rest = parts[index].bytes
                    while case .packet(let size, _) = Framing().header(rest) {
                        numbers.append(UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                        rest = UnsafeRawBufferPointer(rebasing: rest[size...])
                    }
                }
                var backlog = core.pointee.sessions.records[slot].backlog
                while !backlog.isEmpty {
                    var rest = backlog.beginSend()
                    while case .packet(let size, _) = Framing().header(rest) {
                        numbers.append(UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                        rest = UnsafeRawBufferPointer(rebasing: rest[size...])
                    }
                    backlog.endSend(pool: &core.pointee.pool)
                }
                core.pointee.sessions.records[slot].backlog = Backlog()
                let wanted = expected[slot] ?? []
                if !Self.isLegal(numbers, wanted) { Issue.record("\(note), slot \(slot): \(numbers) for \(wanted)") }
            }
            expected = [:]
            core.pointee.settle()
        }

        /// Private packets stand where they were sent; between two of them stand all that the groups published between
        /// them, each group's in order.
        private static func isLegal(_ numbers: [UInt32], _ wanted: [Expected]) -> Bool {
            var place = 0
            for segment in wanted.split(
                omittingEmptySubsequences: false, whereSeparator: { if case .own = $0 { true } else { false } })
            {
                let end = place + segment.count
                guard end <= numbers.count else { return false }
                var groups: [UInt32: UInt64] = [:]
                var queues: [UInt64: [UInt32]] = [:]
                for case .group(let group, let number) in segment {
                    groups[number] = group
                    queues[group, default: []].append(number)
                }
                for number in numbers[place..<end] {
                    guard let group = groups[number], queues[group]?.first == number else { return false }
                    queues[group]?.removeFirst()
                }
                place = end
                if segment.endIndex < wanted.endIndex {
                    guard place < numbers.count, wanted[segment.endIndex] == .own(numbers[place]) else { return false }
                    place += 1
                }
            }
            return place == numbers.count
        }

        func leaveAll() {
            for slot in slots { core.pointee.leaveAll(slot) }
            members = [:]
        }
    }

    @Test("random joins, leaves and publications: every member gets what it must, in order, and nothing else")
    func oracle() {
        for seed in UInt64(0)..<(TestLevel.isFull ? 100 : 15) {
            var dice = Dice(seed: seed)
            let hall = Hall(sessions: 12)
            for turn in 0..<120 {
                for _ in 0..<dice.below(30) {
                    let slot = hall.slots[dice.below(hall.slots.count)]
                    // Few groups at first, many later, so that the index grows and forgets.
                    let group = UInt64(dice.below(turn < 60 ? 5 : 300)) &* 0x1_0000_0000_0001
                    switch dice.below(10) {
                    case 0..<3: hall.join(slot, group)
                    case 3..<5: hall.leave(slot, group)
                    case 5..<8: hall.publish(group)
                    default: hall.send(slot)
                    }
                }
                hall.endTurn("seed \(seed), turn \(turn)")
            }
            hall.leaveAll()
            hall.endTurn("seed \(seed), end")
            for group in 0..<UInt64(300) {
                #expect(hall.core.pointee.groups.find(group &* 0x1_0000_0000_0001) == nil, "nobody is in it")
            }
        }
    }

    @Test("who joins gets nothing that was published before, who leaves nothing that comes after")
    func joinInTheMiddle() {
        let hall = Hall(sessions: 3)
        hall.join(0, 7)
        hall.publish(7)
        hall.join(1, 7)
        hall.publish(7)
        hall.leave(0, 7)
        hall.publish(7)
        hall.join(0, 7)
        hall.publish(7)
        hall.endTurn("join and leave")
        hall.publish(7)
        hall.endTurn("the next turn")
    }

    @Test("what a session is sent keeps its place among what its groups get")
    func order() {
        let hall = Hall(sessions: 2)
        hall.join(0, 1)
        hall.join(0, 2)
        hall.send(0)
        hall.publish(1)
        hall.publish(2)
        hall.send(0)
        hall.publish(2)
        hall.publish(1)
        hall.publish(1)
        hall.send(0)
        hall.send(0)
        hall.endTurn("order")
    }

    @Test("entering a group twice is entering once")
    func twice() {
        let hall = Hall(sessions: 1)
        hall.join(0, 1)
        hall.join(0, 1)
        hall.publish(1)
        hall.leave(0, 1)
        hall.publish(1)
        hall.endTurn("twice")
    }

    @Test("more parts or bytes than one send takes are kept for the next, in order")
    func longTurn() {
        let hall = Hall(sessions: 2)
        hall.join(0, 1)
        hall.join(1, 1)
        for index in 0..<3_000 {
            hall.publish(1)
            if index % 7 == 0 { hall.send(0) }
        }
        hall.endTurn("a long turn")
    }

    @Test("the index finds every group and no other, whatever was forgotten")
    func index() {
        var table = GroupTable()
        var dice = Dice(seed: 3)
        var live: [UInt64: Int] = [:]
        for _ in 0..<20_000 {
            let id = UInt64(dice.below(800))
            if let record = live[id] {
                #expect(table.find(id) == record)
                if dice.chance(50) {
                    table.forgetIfEmpty(record)
                    live[id] = nil
                }
            } else {
                #expect(table.find(id) == nil)
                if dice.chance(60) { live[id] = table.findOrMake(id) }
            }
        }
        for id in UInt64(0)..<800 { #expect(table.find(id) == live[id]) }
    }
}
