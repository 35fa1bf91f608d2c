// SPDX-License-Identifier: Apache-2.0

import Testing

/// The wake-up protocol of the mailboxes as a model with store buffers (total store order, as on x86): every
/// interleaving of a producer and a consumer is tried.
///
/// A wake-up is lost when the consumer waits, nobody will ring, and its mailbox holds something. The consumer wakes for
/// other reasons too; in any turn it may say that it is awake, or leave it to the doorbell. It may also end, and then
/// its doorbell's number is somebody else's: a ring from then on is astray.
@Suite struct DoorbellModelTests {
    /// The protocol with parts left out, to see that the model can fail.
    struct Variant {
        var producerFences = true
        var consumerFences = true
        var consumerLooksAgain = true
        /// Whoever has been rung believes that it still is to be.
        var consumerTrustsOldNews = false
        /// Whoever rings is counted while it looks whether the consumer has gone, and rings.
        var producerIsCounted = true
        /// Who ends says so before its doorbell is gone.
        var leaverSaysSo = true
        /// Who ends waits until nobody rings.
        var leaverWaits = true
    }

    private enum Store: Hashable {
        case posted(Int)
        case toBeRung(Bool)
    }

    private struct State: Hashable {
        // Memory.
        var posted = 0
        var isToBeRung = false
        var isRung = false
        var isGone = false
        var isRinging = false
        /// The doorbell's number is free for others.
        var isFreed = false
        var isAstray = false
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
            case .toBeRung(let value): isToBeRung = value
            }
        }

        /// What a thread sees: its own buffered store before memory.
        func toBeRung(seenBy stores: [Store]) -> Bool {
            for case .toBeRung(let value) in stores.reversed() { return value }
            return isToBeRung
        }
    }

    private static let messages = 3

    /// One step of the producer: store the message, fence, read `isToBeRung`, take it back, and ring who has not gone.
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
        case 2: next.producer = state.toBeRung(seenBy: state.producerStores) ? 3 : 0
        case 4:
            guard state.producerStores.isEmpty else { return [] }
            next.isRinging = variant.producerIsCounted
            next.producer = 5
        case 5: next.producer = state.isGone ? 7 : 6
        case 6:
            next.isRung = true
            next.isAstray = state.isFreed
            next.producer = 7
        case 7:
            next.isRinging = false
            next.producer = 0
        default:
            // An exchange is atomic and empties the store buffer first.
            guard state.producerStores.isEmpty else { return [] }
            next.producer = state.isToBeRung ? 4 : 0
            next.isToBeRung = false
        }
        return [next]
    }

    /// One step of the consumer's turn: awake, empty the mailbox, announce sleep if it is not to be rung anyway, fence,
    /// look again, wait. Instead of a turn it may end: say so, wait until nobody rings, let go of the doorbell.
    private func consumerSteps(_ state: State, _ variant: Variant) -> [State] {
        var next = state
        switch state.consumer {
        case 0:
            next.consumer = 1
            var saying = next
            saying.consumerStores.append(.toBeRung(false))
            guard state.consumerStores.isEmpty else { return [next, saying] }
            var leaving = state
            leaving.isGone = variant.leaverSaysSo
            leaving.consumer = 6
            return [next, saying, leaving]
        case 1:
            next.taken = state.posted
            next.consumer = 2
        case 2:
            if variant.consumerTrustsOldNews || state.toBeRung(seenBy: state.consumerStores) {
                next.consumer = 5
            } else {
                next.consumerStores.append(.toBeRung(true))
                next.consumer = 3
            }
        case 3:
            if variant.consumerFences, !state.consumerStores.isEmpty { return [] }
            next.consumer = 4
        case 4: next.consumer = variant.consumerLooksAgain && state.posted > state.taken ? 0 : 5
        case 6:
            if variant.leaverWaits, state.isRinging { return [] }
            next.isFreed = true
            next.consumer = 7
        case 7: return []
        default:
            // The system call that waits empties the store buffer too. It ends for a ring, or for something else.
            guard state.consumerStores.isEmpty else { return [] }
            next.isRung = false
            next.consumer = 0
        }
        return [next]
    }

    /// The consumer waits, nothing but something else than mail will wake it, and there is mail.
    private func isLost(_ state: State) -> Bool {
        state.consumer == 5 && state.consumerStores.isEmpty && !state.isRung && state.posted > state.taken
            && state.producer == 0 && state.sent == Self.messages && state.producerStores.isEmpty
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

    /// Visits every state that can be reached; returns how many, and how many of them are a lost wake-up or a ring that
    /// went astray.
    private func explore(_ variant: Variant) -> (states: Int, lost: Int, astray: Int) {
        var seen: Set<State> = [State()]
        var open = [State()]
        var (lost, astray) = (0, 0)
        while let state = open.popLast() {
            if isLost(state) { lost += 1 }
            if state.isAstray { astray += 1 }
            for state in steps(state, variant) where seen.insert(state).inserted { open.append(state) }
        }
        return (seen.count, lost, astray)
    }

    @Test("store, fence, read against store, fence, look: no wake-up is lost, and no ring goes astray")
    func protocolHolds() {
        let (states, lost, astray) = explore(Variant())
        #expect(states > 100)
        #expect(lost == 0)
        #expect(astray == 0)
    }

    @Test("without the second look, without either fence, or by old news, the model loses one")
    func canFail() {
        #expect(explore(Variant(consumerLooksAgain: false)).lost > 0)
        #expect(explore(Variant(producerFences: false)).lost > 0)
        #expect(explore(Variant(consumerFences: false)).lost > 0)
        #expect(explore(Variant(consumerTrustsOldNews: true)).lost > 0)
    }

    @Test("with a worker that ends silently, or at once, or is rung uncounted, the model rings astray")
    func canRingAstray() {
        #expect(explore(Variant(leaverSaysSo: false)).astray > 0)
        #expect(explore(Variant(leaverWaits: false)).astray > 0)
        #expect(explore(Variant(producerIsCounted: false)).astray > 0)
    }
}
