// SPDX-License-Identifier: Apache-2.0

/// How a slice is put together of what the load answered and what was counted around it.
extension Slice {
    /// Without counts.
    init(side: Side, start: Int, rotation: Int, _ answer: LoadAnswer) {
        self.init(
            side: side, start: start, rotation: rotation, messages: answer.messages, seconds: answer.seconds,
            serverNanoseconds: answer.serverNanoseconds, loadNanoseconds: answer.loadNanoseconds,
            withoutCore: answer.withoutCore, p50: answer.p50, p99: answer.p99, p999: answer.p999,
            allMessages: answer.allMessages, systemCalls: 0, completions: 0, sends: 0, bytesSent: 0, bytesCopied: 0,
            switchesVoluntary: 0, switchesForced: 0)
    }

    /// What the server has counted before and after.
    mutating func note(_ before: EchoChild.Counters, _ after: EchoChild.Counters) {
        func counted(_ group: KeyPath<EchoChild.Counters, [String: UInt64]>, _ name: String) -> UInt64 {
            (after[keyPath: group][name] ?? 0) &- (before[keyPath: group][name] ?? 0)
        }
        func someOf(_ name: String) -> UInt64? {
            let count = counted(\.port, name)
            return count > 0 ? count : nil
        }
        systemCalls = counted(\.port, "systemCalls")
        submissions = counted(\.port, "submissions")
        completions = counted(\.port, "completions")
        sends = counted(\.workers, "sends")
        bytesSent = counted(\.workers, "bytesSent")
        bytesCopied = counted(\.workers, "bytesBacklogged")
        bytesHeld = after.workers["bytesHeld"]
        zeroCopySends = someOf("zeroCopySends")
        zeroCopyCopied = someOf("zeroCopyCopied")
        receiveBundles = someOf("receiveBundles")
    }

    /// Context switches before and after. Threads that have ended took theirs with them.
    mutating func note(_ before: ProcessFacts.Switches, _ after: ProcessFacts.Switches) {
        switchesVoluntary = after.voluntary > before.voluntary ? after.voluntary - before.voluntary : 0
        switchesForced = after.forced > before.forced ? after.forced - before.forced : 0
    }
}
