// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing
import Wire

@testable import Gori

/// The flush in slices: a crowd that is told something does not keep its worker from receiving.
@Suite struct SliceTests {
    enum Kind: CaseIterable { case uring, epoll }

    private static let features = try? UringPreflight.run()
    static let kinds = Kind.allCases.filter { $0 == .epoll || features != nil }

    /// Calls `body` with sessions on a port of a kind.
    private func onPort(_ kind: Kind, sessions: Int, slice: Int = 256, _ body: (any Crowd) throws -> Void) throws {
        switch kind {
        case .uring:
            let port = try UringPort(capacity: sessions, features: Self.features ?? [])
            try body(try CrowdOnPort(port, sessions: sessions, slice: slice))
        case .epoll: try body(try CrowdOnPort(try EpollPort(capacity: sessions), sessions: sessions, slice: slice))
        }
    }

    /// More than two slices, and few enough that tests beside find descriptors: both ends of each are here.
    private static let many = 700

    @Test("a packet is handled, and answered, before the last of a crowd has been sent to", arguments: kinds)
    func receivesBetweenSlices(kind: Kind) throws {
        let count = Self.many
        try onPort(kind, sessions: count) { crowd in
            try crowd.say(0, Say(CrowdWord.publish + 1, size: 100))
            try crowd.step()
            #expect(crowd.sends == 256)
            // The last of the row.
            try crowd.say(count - 1, Say(7))
            try crowd.step()
            #expect(crowd.handled == [CrowdWord.publish + 1: 0, 7: 256])
            #expect(crowd.sends == 512 && crowd.sends < count)
            // One port sends at once, the other when it waits.
            try crowd.step()
            #expect(try crowd.heard(by: count - 1) == [CrowdWord.publish + 1, 7])
            var turns = 3
            while crowd.isWaiting {
                try crowd.step()
                turns += 1
            }
            try crowd.step()
            #expect(turns == (count + 255) / 256 && crowd.sends == count)
            for session in 0..<count - 1 { #expect(try crowd.heard(by: session) == [CrowdWord.publish + 1]) }
        }
    }

    @Test(
        "a crowd that is told more than can be sent gets all of it in order, out of memory that is used again",
        arguments: kinds)
    func sustained(kind: Kind) throws {
        try onPort(kind, sessions: 120, slice: 16) { crowd in
            var expected: [UInt32] = []
            for round in UInt32(0)..<200 {
                let number = CrowdWord.publish + round
                expected.append(number)
                try crowd.say(0, Say(number, size: UInt16(2_000 + round)))
                if round % 3 == 0 { try crowd.say(50, Say(round, size: 300)) }
                try crowd.step()
                #expect(round < 2 || crowd.isWaiting)
                // Two ages of eight turns each, a log of one block of 4 KiB in each turn, and some for answers.
                #expect(crowd.bytesInUse < 1 << 20)
                if round % 40 == 0 { for session in 0..<120 { try crowd.read(session) } }
            }
            while crowd.isWaiting { try crowd.step() }
            try crowd.step()
            #expect(crowd.isSettled)
            for session in 0..<120 {
                let heard = try crowd.heard(by: session)
                #expect(heard.filter { $0 >= CrowdWord.publish } == expected)
                #expect(heard.filter { $0 < CrowdWord.publish }.count == (session == 50 ? 67 : 0))
            }
        }
    }

    @Test("a worker that dies gives back what its sessions hold", arguments: kinds)
    func abandoned(kind: Kind) throws {
        try onPort(kind, sessions: 40, slice: 8) { crowd in
            try crowd.begin(39, Say(1, size: 5_000))
            var round: UInt32 = 0
            while crowd.backlog(of: 1) == 0 {
                try #require(round < 1_000)
                try crowd.say(0, Say(CrowdWord.publish + round, size: 8_000))
                try crowd.step()
                round += 1
            }
            // Answers lie apart from each other, so that a session has a list of parts.
            for number in UInt32(0)..<40 { try crowd.say(Int(number % 2) * 30, Say(number)) }
            try crowd.step()
            try #require(crowd.isWaiting && crowd.bytesInUse > 0)
            let inFlight = crowd.abandon()
            #expect(inFlight > 0 && inFlight == crowd.bytesInUse)
        }
    }

    @Test("those with something of their own go first, and keep nobody waiting for ever", arguments: kinds)
    func rows(kind: Kind) throws {
        try onPort(kind, sessions: 120, slice: 16) { crowd in
            try crowd.say(0, Say(CrowdWord.publish))
            try crowd.step()
            // From now on more answers are wanted than a slice has sends.
            var turns = 0
            while try (100..<120).contains(where: { try crowd.heard(by: $0).isEmpty }) {
                for session in 0..<60 { try crowd.say(session, Say(1)) }
                try crowd.step()
                turns += 1
                guard turns < 40 else { break }
            }
            // A quarter of each slice: 4 of 104, and the first slice had 16.
            #expect(turns >= 10 && turns <= 27)
        }
    }

    @Test("what lies in receive memory goes out in its turn, however many have some", arguments: kinds)
    func inputIsSentInItsTurn(kind: Kind) throws {
        try onPort(kind, sessions: 120, slice: 16) { crowd in
            try crowd.say(0, Say(CrowdWord.publish))
            try crowd.step()
            for session in 0..<120 { try crowd.say(session, Say(CrowdWord.echo + UInt32(session), size: 500)) }
            var handled: [UInt32] = []
            for _ in 0..<200 {
                try crowd.step()
                // Each has been answered in the turn in which it was handled: one port sends when it waits.
                for number in handled { #expect(try crowd.heard(by: Int(number - CrowdWord.echo)).contains(number)) }
                if handled.count == 120, !crowd.isWaiting { break }
                handled = crowd.handled.keys.filter { $0 < CrowdWord.publish }
            }
            for session in 0..<120 {
                #expect(try crowd.heard(by: session) == [CrowdWord.publish, CrowdWord.echo + UInt32(session)])
            }
        }
    }
}
