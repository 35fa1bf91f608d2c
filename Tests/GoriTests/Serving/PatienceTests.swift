// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// For whom the flush waits a moment for more: crowds that somebody has published to, and nobody else.
@Suite struct PatienceTests {
    private func patience(sessions: Int, word: UInt32) throws -> [UInt64] { try notes(sessions, word).patience }

    private func notes(_ sessions: Int, _ word: UInt32) throws -> PortSpy.Notes {
        let notes = PortSpy.Notes()
        let crowd = try CrowdOnPort(try PortSpy(capacity: sessions, notes: notes), sessions: sessions, slice: 1_024)
        notes.patience = []
        notes.batches = []
        try crowd.say(0, Say(word))
        for _ in 0..<64 where crowd.handled[word] == nil { try crowd.step() }
        #expect(crowd.handled[word] != nil)
        try crowd.step()
        return notes
    }

    @Test(
        "100 ns for each member of a crowd, from 32 members and up to 10 us; fewer get what is there",
        arguments: [(2, [0]), (31, [0]), (32, [3_200]), (64, [6_400]), (100, [10_000]), (300, [10_000])])
    func crowds(sessions: Int, expected: [UInt64]) throws {
        #expect(try patience(sessions: sessions, word: CrowdWord.publish) == expected)
    }

    @Test("an answer to one of a crowd goes out at once", arguments: [1, CrowdWord.echo])
    func answers(word: UInt32) throws { #expect(try patience(sessions: 64, word: word) == []) }

    @Test("whoever tells more sessions than have spoken gets what is there, and waits for nothing")
    func telling() throws { #expect(try patience(sessions: 64, word: CrowdWord.tell) == [0]) }

    @Test(
        "the wait after a packet to 8 or more is for a batch of two crowds at most",
        arguments: [(2, []), (7, []), (8, [16]), (300, [600])])
    func batches(sessions: Int, expected: [Int]) throws {
        #expect(try notes(sessions, CrowdWord.publish).batches == expected)
    }

    @Test("a crowd that has spoken is not waited for: what it is told goes out", arguments: [1, 2, 3, 4, 9])
    func crowdHasSpoken(speakers: Int) throws {
        let notes = PortSpy.Notes()
        let crowd = try CrowdOnPort(try PortSpy(capacity: 4, notes: notes), sessions: 4, slice: 1_024)
        notes.patience = []
        // Packets of one piece of its stream count as one that has spoken.
        for number in 0..<UInt32(speakers) {
            try crowd.say(Int(number) % 4, Say(CrowdWord.publish + number))
        }
        while crowd.handled.count < speakers { try crowd.step() }
        #expect(notes.patience == (speakers < 4 ? [0] : []))
    }

    @Test("the wait after an answer is not", arguments: [1, CrowdWord.echo])
    func noBatches(word: UInt32) throws { #expect(try notes(64, word).batches == []) }
}
