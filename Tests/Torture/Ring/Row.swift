// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// What came of one row of the failure catalogue, as a line of JSON for `run.py`.
struct Outcome {
    let row: Int
    /// What was done, with its numbers.
    let text: String
    /// Counts that prove that the failure happened; all of them must be above zero.
    let fired: [(String, UInt64)]
    /// What went wrong, nil: nothing.
    var failure: String?

    var json: String {
        let counts = fired.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
        return "{\"row\":\(row),\"text\":\"\(text)\",\"fired\":{\(counts)},\"failure\":"
            + (failure.map { "\"\($0)\"}" } ?? "null}")
    }
}

/// A condition of a row that does not hold.
struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    guard condition else { throw Broken(what()) }
}

/// How much is done: all of it, or what fits into a minute.
struct Effort {
    let isQuick: Bool

    func count(_ full: Int, quick: Int) -> Int { isQuick ? quick : full }
}

/// Bytes that say whose they are and where: the one at `position` of the stream with number `stream`.
@inline(__always)
func patternByte(_ stream: Int, _ position: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: position &* 31 &+ (position >> 8) &* 7 &+ stream &* 101)
}

func pattern(_ stream: Int, from position: Int, count: Int) -> [UInt8] {
    (0..<count).map { patternByte(stream, position + $0) }
}

/// Whether bytes are those of a stream from a position on.
func isPattern(_ bytes: UnsafeRawBufferPointer, _ stream: Int, from position: Int) -> Bool {
    for index in 0..<bytes.count where bytes[index] != patternByte(stream, position &+ index) { return false }
    return true
}

/// 1234567 as 1,234,567.
func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
        if index > 0, index % 3 == 0 { text = "," + text }
        text = String(digit) + text
    }
    return text
}
