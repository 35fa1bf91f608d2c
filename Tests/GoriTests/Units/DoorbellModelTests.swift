// SPDX-License-Identifier: Apache-2.0

import Testing

/// The wake-up protocol of the mailboxes as a model with store buffers (total store order, as on x86): every
/// interleaving of a producer and a consumer is tried.
///
/// A wake-up is lost when the consumer waits, nobody will ring, and its mailbox holds something.
@Suite struct DoorbellModelTests {
    /// The protocol with parts left out, to see that the model can fail.
    struct Variant {
        var producerFences = true
        var consumerFences = true
        var consumerLooksAgain = true
    }

    private enum Store: Hashable {
        case posted(Int)
        case asleep(Bool)
    }

    private struct State: Hashable {
        // Memory.
        var posted = 0
        var isAsleep = false
        var isRung = false
        // Producer: what it does next, and its store buffer.
        var producer = 0
        var sent = 0
        var producerStores: [Store] = []
        // Consumer.
        var consumer = 0
        var taken = 0
        var consumerStores: [Store] = []

        mutating func write(_ store: Store) {
            switch store {
            case .posted(let count): posted = count
            case .asleep(let value): isAsleep = value
            }
        }

        /// What a thread sees: its own buffered store before memory.
        func asleep(seenBy stores: [Store]) -> Bool {
            for case .asleep(let value) in stores.reversed() { return value }
            return isAsleep
        }
    }

    private static let messages = 3

    /// One step of the producer: store the message, fence, read `asleep`, take it back and ring.
    private func producerSteps(_ state: State, _ variant: Variant) -> [State] {
        var next = state
        switch state.producer {
        case 0:
            guard state.sent < Self.messages else { return [] }
            next.sent += 1
            next.producerStores.append(.posted(next.sent))
            next.producer = 1
        case 1:
            if variant.producerFences, !state.producerStores.isEmpty { return [] }
            next.producer = 2
        case 2: next.producer = state.asleep(seenBy: state.producerStores) ? 3 : 0
        default:
            // An exchange is atomic and empties the store buffer first.
            guard state.producerStores.isEmpty else { return [] }
            if state.isAsleep { next.isRung = true }
            next.isAsleep = false
            next.producer = 0
        }
        return [next]
    }

    /// One step of the consumer's turn: awake, empty the mailbox, announce sleep, fence, look again, wait.
    private func consumerSteps(_ state: State, _ variant: Variant) -> [State] {
        var next = state
        switch state.consumer {
        case 0:
            next.consumerStores.append(.asleep(false))
            next.consumer = 1
        case 1:
            next.taken = state.posted
            next.consumer = 2
        case 2:
            next.consumerStores.append(.asleep(true))
            next.consumer = 3
        case 3:
            if variant.consumerFences, !state.consumerStores.isEmpty { return [] }
            next.consumer = 4
        case 4: next.consumer = variant.consumerLooksAgain && state.posted > state.taken ? 0 : 5
        default:
            // The system call that waits empties the store buffer too.
            guard state.isRung, state.consumerStores.isEmpty else { return [] }
            next.isRung = false
            next.consumer = 0
        }
        return [next]
    }

    private func steps(_ state: State, _ variant: Variant) -> [State] {
        var all = producerSteps(state, variant) + consumerSteps(state, variant)
        if let store = state.producerStores.first {
            var next = state
            next.producerStores.removeFirst()
            next.write(store)
            all.append(next)
        }
        if let store = state.consumerStores.first {
            var next = state
            next.consumerStores.removeFirst()
            next.write(store)
            all.append(next)
        }
        return all
    }

    /// Visits every state that can be reached; returns how many, and how many of them are a lost wake-up.
    private func explore(_ variant: Variant) -> (states: Int, lost: Int) {
        var seen: Set<State> = [State()]
        var open = [State()]
        var lost = 0
        while let state = open.popLast() {
            let next = steps(state, variant)
            if next.isEmpty, state.taken < Self.messages { lost += 1 }
            for state in next where seen.insert(state).inserted { open.append(state) }
        }
        return (seen.count, lost)
    }

    @Test("store, fence, read against store, fence, look: no interleaving loses a wake-up")
    func protocolHolds() {
        let (states, lost) = explore(Variant())
        #expect(states > 100)
        #expect(lost == 0)
    }

    @Test("without the second look, or without either fence, the model loses one")
    func canFail() {
        #expect(explore(Variant(consumerLooksAgain: false)).lost > 0)
        #expect(explore(Variant(producerFences: false)).lost > 0)
        #expect(explore(Variant(consumerFences: false)).lost > 0)
    }
}
