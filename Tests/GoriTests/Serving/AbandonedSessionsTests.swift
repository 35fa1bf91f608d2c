// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Gori

/// What is left of a worker whose port is broken, and when it goes.
@Suite struct AbandonedSessionsTests {
    @Test("a worker that dies gives back what its sessions hold", arguments: CrowdKind.here)
    func abandoned(kind: CrowdKind) throws {
        try kind.serve(sessions: 40, slice: 8) { crowd in
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
            let dead = crowd.die()
            #expect(dead.waiting > 0 && dead.left == 0)
        }
    }

    @Test("what has been sent stays as it is until the port has gone") func untilThePortHasGone() throws {
        let notes = PortSpy.Notes()
        let crowd = try CrowdOnPort(try PortSpy(capacity: 20, notes: notes), sessions: 20, slice: 8)
        try crowd.say(0, Say(CrowdWord.publish, size: 500))
        for session in 1..<20 { try crowd.say(session, Say(UInt32(session))) }
        notes.sent.removeAll()
        try crowd.step()
        let sent = notes.sent
        try #require(sent.count == 8 && crowd.isWaiting)
        var asTheyWere = 0
        notes.onEnd = { asTheyWere = sent.filter { $0.memory.elementsEqual($0.bytes) }.count }
        #expect(crowd.die().left == 0)
        #expect(asTheyWere == sent.count)
    }
}
