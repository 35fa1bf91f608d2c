// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Lists of byte ranges that grow side by side in one pool; what continues a list's last range lengthens it.
struct PieceList: ~Copyable {
    /// One list. Empty as it is made; means nothing after the pool is emptied.
    struct Chain: BitwiseCopyable {
        fileprivate var first = IndexTable.none
        fileprivate var last = IndexTable.none
    }

    struct Piece: BitwiseCopyable {
        let start: UnsafeRawPointer
        var count: Int
        var next: UInt32
    }

    private var pieces: Column<Piece>

    init(capacity: Int) { pieces = Column(capacity: capacity) }

    mutating func removeAll() { pieces.removeAll() }

    mutating func append(_ bytes: UnsafeRawBufferPointer, to chain: inout Chain) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        if chain.last != IndexTable.none {
            let last = pieces[chain.last]
            if last.start + last.count == start {
                pieces[chain.last].count += bytes.count
                return
            }
        }
        let index = UInt32(truncatingIfNeeded: pieces.count)
        pieces.append(Piece(start: start, count: bytes.count, next: IndexTable.none))
        if chain.last == IndexTable.none {
            chain.first = index
        } else {
            pieces[chain.last].next = index
        }
        chain.last = index
    }

    func copy(_ chain: Chain, to buffer: inout Column<UnsafeRawBufferPointer>) {
        var index = chain.first
        while index != IndexTable.none {
            let piece = pieces[index]
            buffer.append(UnsafeRawBufferPointer(start: piece.start, count: piece.count))
            index = piece.next
        }
    }
}
