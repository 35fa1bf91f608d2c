// SPDX-License-Identifier: Apache-2.0

/// What will happen at some time: earliest first, and of one time in the order in which it was entered.
struct EventQueue {
    /// What happens. Plain values, because there are many.
    enum Event: BitwiseCopyable {
        /// The next segment of a connection's client arrives.
        case arrival(connection: Int)
        /// A send that found no room although there was some is tried again.
        case retry(connection: Int)
        /// A client may have taken nothing for as long as it may.
        case overdue(connection: Int)
        /// A thread of the kernel's own carries something out.
        case job(Int)
        /// Something of the simulator's own.
        case own(Int)
    }

    private struct Entry: BitwiseCopyable {
        let time: UInt64
        let number: UInt64
        let event: Event
        func precedes(_ other: Entry) -> Bool { time != other.time ? time < other.time : number < other.number }
    }

    private var heap: [Entry] = []
    private var count: UInt64 = 0

    var nextTime: UInt64 { heap.first?.time ?? .max }

    /// Whether what comes next is the simulator's own affair.
    var isNextOwn: Bool {
        if case .own = heap.first?.event { true } else { false }
    }

    mutating func add(_ event: Event, at time: UInt64) {
        count += 1
        heap.append(Entry(time: time, number: count, event: event))
        var place = heap.count - 1
        while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func takeFirst() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first.event }
        heap[0] = last
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            guard least != place else { return first.event }
            heap.swapAt(place, least)
            place = least
        }
    }
}
