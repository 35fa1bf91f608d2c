// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// The memory that a ring shares with its port, which reads and writes it as if it were mapped from a kernel.
final class RingMemory {
    let submissionCount: UInt32
    let completionCount: UInt32
    private let words: UnsafeMutablePointer<UInt32>
    private let array: UnsafeMutablePointer<UInt32>
    private let submissions: UnsafeMutablePointer<io_uring_sqe>
    private let completions: UnsafeMutablePointer<io_uring_cqe>

    private enum Word: Int, CaseIterable {
        case sqHead, sqTail, sqMask, sqEntries, sqFlags, sqDropped, cqHead, cqTail, cqMask, cqEntries, cqOverflow
    }

    /// Both are rounded up to a power of two, as the kernel does.
    init(submissions wanted: UInt32, completions wantedCompletions: UInt32) {
        submissionCount = Self.powerOfTwo(wanted)
        completionCount = Self.powerOfTwo(max(wanted, wantedCompletions))
        words = .allocate(capacity: Word.allCases.count)
        words.initialize(repeating: 0, count: Word.allCases.count)
        array = .allocate(capacity: Int(submissionCount))
        array.initialize(repeating: 0, count: Int(submissionCount))
        submissions = .allocate(capacity: Int(submissionCount))
        submissions.initialize(repeating: io_uring_sqe(), count: Int(submissionCount))
        completions = .allocate(capacity: Int(completionCount))
        completions.initialize(repeating: io_uring_cqe(), count: Int(completionCount))
        words[Word.sqMask.rawValue] = submissionCount - 1
        words[Word.sqEntries.rawValue] = submissionCount
        words[Word.cqMask.rawValue] = completionCount - 1
        words[Word.cqEntries.rawValue] = completionCount
    }

    deinit {
        words.deallocate()
        array.deallocate()
        submissions.deallocate()
        completions.deallocate()
    }

    private static func powerOfTwo(_ wanted: UInt32) -> UInt32 {
        var size: UInt32 = 1
        while size < wanted { size *= 2 }
        return size
    }

    /// Has a `struct io_uring` point here.
    func map(into ring: UnsafeMutablePointer<io_uring>) {
        func word(_ word: Word) -> UnsafeMutablePointer<UInt32> { words + word.rawValue }
        ring.pointee.sq.khead = word(.sqHead)
        ring.pointee.sq.ktail = word(.sqTail)
        ring.pointee.sq.kring_mask = word(.sqMask)
        ring.pointee.sq.kring_entries = word(.sqEntries)
        ring.pointee.sq.kflags = word(.sqFlags)
        ring.pointee.sq.kdropped = word(.sqDropped)
        ring.pointee.sq.array = array
        ring.pointee.sq.sqes = submissions
        ring.pointee.sq.ring_ptr = UnsafeMutableRawPointer(words)
        ring.pointee.cq.khead = word(.cqHead)
        ring.pointee.cq.ktail = word(.cqTail)
        ring.pointee.cq.kring_mask = word(.cqMask)
        ring.pointee.cq.kring_entries = word(.cqEntries)
        ring.pointee.cq.koverflow = word(.cqOverflow)
        ring.pointee.cq.cqes = completions
        ring.pointee.cq.ring_ptr = UnsafeMutableRawPointer(words)
    }

    private subscript(_ word: Word) -> UInt32 {
        get { words[word.rawValue] }
        set { words[word.rawValue] = newValue }
    }

    // MARK: Submissions

    /// Entries that the port has published and the kernel has not taken.
    var queued: UInt32 { self[.sqTail] &- self[.sqHead] }

    /// The entry that is taken next.
    var firstSubmission: io_uring_sqe { submissions[Int(array[Int(self[.sqHead] & (submissionCount - 1))])] }

    func takeSubmission() { self[.sqHead] &+= 1 }

    func setFlags(_ flags: UInt32) { self[.sqFlags] = flags }

    // MARK: Completions

    var completionHead: UInt32 { self[.cqHead] }
    var completionTail: UInt32 { self[.cqTail] }
    var freeCompletions: Int { Int(completionCount &- (completionTail &- completionHead)) }

    func append(_ userData: UInt64, _ result: Int32, _ flags: UInt32) {
        let entry = completions + Int(completionTail & (completionCount - 1))
        entry.pointee.user_data = userData
        entry.pointee.res = result
        entry.pointee.flags = flags
        self[.cqTail] &+= 1
    }
}
