// SPDX-License-Identifier: Apache-2.0

// The rows of the failure catalogue that need a hand inside the port: one line of JSON for each on standard output.
// `Tests/Torture/run.py` starts this; `Torture --io uring|epoll [--quick] [--row N]...` runs it by hand.

import Glibc
import Overlapped

let arguments = Array(CommandLine.arguments.dropFirst())
let effort = Effort(isQuick: arguments.contains("--quick"))
let isEpoll = arguments.contains("epoll")
let wanted = zip(arguments, arguments.dropFirst()).compactMap { $0 == "--row" ? Int($1) : nil }
_ = Overlapped.Sockets.raiseDescriptorLimit()

/// At once, also into a pipe.
func say(_ line: String) {
    print(line)
    fflush(nil)
}

func run(_ row: Int, _ body: () throws -> Outcome) {
    guard wanted.isEmpty || wanted.contains(row) else { return }
    do {
        say(try body().json)
    } catch {
        say(Outcome(row: row, text: "", fired: [], failure: "\(error)").json)
    }
}

if isEpoll {
    run(5) { try ReuseRow.run(effort) { try EpollPort(capacity: $0) } }
    run(15) { try ForkRow.epoll() }
} else {
    let features = try UringPreflight.run()
    run(1) { try BufferRows.exhausted(features, effort) }
    run(2) { try BufferRows.leaked(features, effort) }
    run(3) { try QueueRows.overflow(features, effort) }
    run(4) { try QueueRows.refused(features, effort) }
    run(5) { try ReuseRow.run(effort) { try UringPort(capacity: $0, features: features) } }
    run(6) { try CloseRow.run(features, effort) }
    run(10) { try MemoryRow.run(features, effort) }
    run(11) { try EndRow.run(features, effort) }
    run(15) { try ForkRow.ring(features) }
}
