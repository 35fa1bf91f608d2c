// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// An epoll instance as its kernel has it (epoll(7)): edges that are told once, levels that are told again.
final class SimulatedEventSet: Waitable {
    static let writable = UInt32(CL_EPOLL_OUT)
    /// Errors and hang-ups are told whether asked for or not.
    private static let always = UInt32(CL_EPOLL_ERR) | UInt32(CL_EPOLL_HUP)

    /// What is watched.
    enum Source {
        case socket(SimulatedSocket)
        case listener(SimulatedListener)
        case event(SimulatedEvent)
    }

    private struct Entry {
        let source: Source
        var interest: UInt32
        let data: UInt64
        /// Whether something has come true that has not been told.
        var isQueued: Bool
    }

    unowned let machine: SimulatedMachine
    @exclusivity(unchecked) private var entries: [Entry?] = []
    @exclusivity(unchecked) private var freePlaces: [Int] = []
    @exclusivity(unchecked) private var queue: [Int] = []
    @exclusivity(unchecked) private var levels: [Int] = []

    init(_ machine: SimulatedMachine) { self.machine = machine }

    // MARK: Watching

    /// Returns the place, by which the source tells of itself.
    func add(_ source: Source, _ interest: UInt32, data: UInt64, isReady: UInt32) -> Int {
        let entry = Entry(source: source, interest: interest, data: data, isQueued: false)
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
            entries[place] = entry
        } else {
            place = entries.count
            entries.append(entry)
        }
        if interest & cl_epoll_edge_triggered() == 0 { levels.append(place) }
        tell(place, isReady)
        return place
    }

    func change(_ place: Int, _ interest: UInt32) {
        entries[place]?.interest = interest
        if interest & cl_epoll_edge_triggered() == 0 { return }
        tell(place, machine.readiness(of: entries[place]?.source))
    }

    func forget(_ watch: Watch?) {
        guard let watch, entries[watch.place] != nil else { return }
        entries[watch.place] = nil
        levels.removeAll { $0 == watch.place }
        queue.removeAll { $0 == watch.place }
        freePlaces.append(watch.place)
    }

    /// Something has come true of a source.
    func tell(_ watch: Watch?, _ events: UInt32) {
        guard let watch else { return }
        tell(watch.place, events)
    }

    private func tell(_ place: Int, _ events: UInt32) {
        guard let entry = entries[place], entry.interest & cl_epoll_edge_triggered() != 0 else { return }
        guard events & (entry.interest | Self.always) != 0, !entry.isQueued else { return }
        entries[place]?.isQueued = true
        queue.append(place)
    }

    // MARK: Waiting

    var isReady: Bool { !queue.isEmpty || levels.contains(where: isLevelReady) }

    private func isLevelReady(_ place: Int) -> Bool {
        guard let entry = entries[place] else { return false }
        return machine.readiness(of: entry.source) & entry.interest != 0
    }

    /// Takes what there is to tell, `limit` events at most.
    func take(_ limit: Int, _ body: (_ events: UInt32, _ data: UInt64) -> Void) -> Int {
        if machine.strikes(.spuriousEvent), let place = entries.indices.randomPlace(&machine.dice) {
            machine.marks.make(.spuriousEvent)
            if let entry = entries[place] { tell(place, machine.readiness(of: entry.source) & entry.interest) }
        }
        if queue.count > 1, machine.strikes(.reorder) {
            machine.marks.make(.reordered)
            queue.swapAt(0, machine.dice.below(queue.count))
        }
        var count = 0
        for place in levels where count < limit && isLevelReady(place) {
            guard let entry = entries[place] else { continue }
            body(machine.readiness(of: entry.source) & entry.interest, entry.data)
            count += 1
        }
        let looked = min(queue.count, limit - count)
        var again: [Int] = []
        for place in queue[..<looked] {
            guard let entry = entries[place] else { continue }
            entries[place]?.isQueued = false
            // An edge says that something has come true; what is told is all that is true by now, and nothing is told
            // of what has become untrue since.
            let all = machine.readiness(of: entry.source) & (entry.interest | Self.always)
            let events = all & ~hidden(entry.source)
            if events != all { again.append(place) }
            guard events != 0 else { continue }
            body(events, entry.data)
            count += 1
            machine.marks.make(.eventDelivered)
        }
        queue.removeFirst(looked)
        for place in again where entries[place]?.isQueued == false {
            entries[place]?.isQueued = true
            queue.append(place)
        }
        return count
    }

    /// What a poll does not see yet of an end that another processor is just writing down: the sequence number of the
    /// end makes a socket readable before its state says why, and the error of a reset stands before the state. Behind
    /// it the end is told once more, and whole.
    private func hidden(_ source: Source) -> UInt32 {
        guard case .socket(let socket) = source, socket.endIsHalfTold else { return 0 }
        socket.endIsHalfTold = false
        guard machine.strikes(.preemption) else { return 0 }
        let isReset = socket.isDead && !socket.isLocal
        return UInt32(CL_EPOLL_RDHUP) | (isReset && machine.dice.chance(500) ? 0 : UInt32(CL_EPOLL_HUP))
    }
}

extension Range<Int> {
    /// One of them, none of none.
    func randomPlace(_ dice: inout Dice) -> Int? { isEmpty ? nil : lowerBound + dice.below(count) }
}
