// SPDX-License-Identifier: Apache-2.0

/// What the command line says: `--port N --mode echo|packet|broadcast --group G --threads N`.
struct Options {
    enum Mode: String {
        case echo, packet, broadcast
    }

    var port = 0
    var mode = Mode.echo
    /// Members of a group; 0 is everybody.
    var group = 10
    var threads = 1

    /// Nil when a word is unknown or has no fitting value.
    init?(_ words: [String]) {
        guard words.count.isMultiple(of: 2) else { return nil }
        for index in stride(from: 0, to: words.count, by: 2) {
            guard set(words[index], to: words[index + 1]) else { return nil }
        }
    }

    private mutating func set(_ name: String, to value: String) -> Bool {
        if name == "--mode" {
            guard let mode = Mode(rawValue: value) else { return false }
            self.mode = mode
            return true
        }
        guard let number = Int(value), number >= 0 else { return false }
        switch name {
        case "--port": port = number
        case "--group": group = number
        case "--threads" where number > 0: threads = number
        default: return false
        }
        return true
    }
}
