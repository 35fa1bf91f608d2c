// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing
import Wire

@testable import Gori

/// The flush in slices: a crowd that is told something does not keep its worker from receiving.
@Suite struct SliceTests {
    /// More than two slices, and few enough that tests beside find descriptors: both ends of each are here.
    private static let many = 700

    @Test("a packet is handled, and answered, before the last of a crowd has been sent to", arguments: CrowdKind.here)
    func receivesBetweenSlices(kind: CrowdKind) throws {
        let count = Self.many
        try kind.serve(sessions: count) { crowd in
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
        arguments: CrowdKind.here)
    func sustained(kind: CrowdKind) throws {
        try kind.serve(sessions: 120, slice: 16) { crowd in
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

    @Test("those with something of their own go first, and keep nobody waiting for ever", arguments: CrowdKind.here)
    func rows(kind: CrowdKind) throws {
        try kind.serve(sessions: 120, slice: 16) { crowd in
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

    @Test("what lies in receive memory goes out in its turn, however many have some", arguments: CrowdKind.here)
    func inputIsSentInItsTurn(kind: CrowdKind) throws {
        try kind.serve(sessions: 120, slice: 16) { crowd in
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
