// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Says which seeds were running when the process traps, because a trap ends it without another word.
enum Crash {
    private static let limit = 64
    /// What to say for each thread, as C text that a signal handler may write.
    nonisolated(unsafe) private static let words = {
        let words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: limit)
        words.initialize(repeating: nil, count: limit)
        return words
    }()
    private static let isWatching: Bool = {
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
            signal(number) { number in
                Crash.tell()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        return true
    }()

    /// This thread runs a seed from now on.
    static func watch(seed: UInt64, thread: Int, canary: String?) {
        guard isWatching, thread < limit else { return }
        let text =
            "seed \(seed) was running when the process trapped\n    again, with all that happens: "
            + Report.command(seed, canary: canary) + "\n"
        let old = words[thread]
        words[thread] = strdup(text)
        free(old)
    }

    private static func tell() {
        for thread in 0..<limit {
            guard let text = words[thread] else { continue }
            _ = write(STDERR_FILENO, text, strlen(text))
        }
    }
}
