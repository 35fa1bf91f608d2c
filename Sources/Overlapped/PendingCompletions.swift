// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Completions that a port has made itself, in the order in which they are delivered: before those of the kernel.
struct PendingCompletions: ~Copyable {
    private var row = Column<Completion>(capacity: 1_024)
    private var head = 0

    @inline(__always)
    var isEmpty: Bool { head == row.count }

    @inline(__always)
    mutating func append(_ completion: Completion) { row.append(completion) }

    mutating func append(contentsOf completions: borrowing Column<Completion>) { row.append(contentsOf: completions) }

    /// Puts completions in front of all others.
    mutating func putFirst(_ completions: borrowing Column<Completion>) {
        guard !isEmpty else { return row.append(contentsOf: completions) }
        var all = Column<Completion>(capacity: completions.count + row.count - head)
        all.append(contentsOf: completions)
        for index in head..<row.count { all.append(row[index]) }
        row.removeAll()
        row.append(contentsOf: all)
        head = 0
    }

    /// Takes the first, nil when there is none.
    mutating func popFirst() -> Completion? {
        guard head < row.count else { return nil }
        let completion = row[head]
        head &+= 1
        if head == row.count {
            row.removeAll()
            head = 0
        }
        return completion
    }
}
