// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Wire

/// Where a turn's private output is written: bytes front to back in blocks of 64 KiB, all free again once the turn's
/// sends are settled. What one session sends in a row lies in one piece and leaves as one part.
struct TurnArena {
    /// Something has been taken since the last reset.
    private var isTouched = false
    private var current: UnsafeMutableRawPointer?
    private var used = 0
    private var capacity = 0
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    init() { blocks.reserveCapacity(256) }

    /// Room for `count` bytes; what is written there counts after `commit`.
    @inline(__always)
    mutating func reserve(_ count: Int, pool: inout BlockPool) -> UnsafeMutableRawBufferPointer {
        if capacity &- used < count { grow(count, pool: &pool) }
        return UnsafeMutableRawBufferPointer(start: current.map { $0 + used }, count: count)
    }

    @inline(__always)
    mutating func commit(_ count: Int) {
        used &+= count
        isTouched = true
    }

    /// Gives all blocks but one back. No send may name them any more.
    @inline(__always)
    mutating func reset(pool: inout BlockPool) {
        if isTouched { giveBack(pool: &pool) }
    }

    private mutating func giveBack(pool: inout BlockPool) {
        isTouched = false
        guard IOMemory.isReused else { return release(pool: &pool) }
        let wasUsed = used
        used = 0
        let isLast = blocks.count == 1
        while blocks.count > 1, let block = blocks.popLast() { pool.giveBack(block) }
        guard let kept = blocks.first else { return }
        pool.spoil(kept.baseAddress, count: isLast ? wasUsed : kept.count)
        current = kept.baseAddress
        capacity = kept.count
    }

    mutating func release(pool: inout BlockPool) {
        while let block = blocks.popLast() { pool.giveBack(block) }
        current = nil
        used = 0
        capacity = 0
    }

    private mutating func grow(_ count: Int, pool: inout BlockPool) {
        isTouched = true
        let block = pool.take(atLeast: max(count, 65_536))
        blocks.append(block)
        current = block.baseAddress
        capacity = block.count
        used = 0
    }
}
