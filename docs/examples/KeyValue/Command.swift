// SPDX-License-Identifier: Apache-2.0

/// The commands that this example knows, by their names in capitals.
enum Command: CaseIterable {
    case ping
    case echo
    case set
    case get
    case del
    case quit

    private var name: StaticString {
        switch self {
        case .ping: "PING"
        case .echo: "ECHO"
        case .set: "SET"
        case .get: "GET"
        case .del: "DEL"
        case .quit: "QUIT"
        }
    }

    /// Looks a name up, whatever its case. Nil: unknown.
    init?(_ bytes: RawSpan, _ range: Range<Int>) {
        let word = bytes.extracting(range)
        guard let command = Self.allCases.first(where: { $0.isCalled(word) }) else { return nil }
        self = command
    }

    private func isCalled(_ word: RawSpan) -> Bool {
        name.withUTF8Buffer { letters in
            guard letters.count == word.byteCount else { return false }
            return letters.indices.allSatisfy { index in
                // A letter and its capital differ in this bit.
                word.unsafeLoad(fromByteOffset: index, as: UInt8.self) & 0xDF == letters[index]
            }
        }
    }
}
