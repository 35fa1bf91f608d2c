// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Memory in a few sizes, taken and given back without touching the heap in steady state.
///
/// One thread owns a pool. Blocks given back are kept in lists of their size, last in first out, so that the next
/// taker gets memory that is still in the cache; above `idleLimit` bytes they return to the heap.
public struct BlockPool: ~Copyable {
    /// The sizes in bytes. A request gets the smallest that holds it.
    public static let sizes: [6 of Int] = [64, 256, 1_024, 4_096, 16_384, 65_536]

    /// Bytes of all blocks that are taken and not given back.
    public private(set) var bytesInUse = 0
    /// How often memory came from the heap because no block was at hand; constant in steady state.
    public private(set) var heapAllocations = 0

    private var free: [6 of UnsafeMutableRawPointer?] = [nil, nil, nil, nil, nil, nil]
    private var idleBytes = 0
    private let idleLimit: Int

    /// Whether blocks are overwritten when they are given back, so that whoever still reads them reads nonsense.
    package var spoilsFreeBlocks = false

    /// Overwrites memory that is free now, where that is wanted.
    package func spoil(_ memory: UnsafeMutableRawPointer?, count: Int) {
        guard spoilsFreeBlocks, let memory else { return }
        memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count)
    }

    /// Makes an empty pool.
    ///
    /// - Parameter idleLimit: bytes of unused blocks that are kept.
    public init(idleLimit: Int = 64 << 20) {
        self.idleLimit = idleLimit
    }

    deinit {
        for index in 0..<6 {
            var block = free[index]
            while let current = block {
                block = current.load(as: UnsafeMutableRawPointer?.self)
                IOMemory.deallocate(current, byteCount: Self.sizes[index])
            }
        }
    }

    /// Takes a block of at least `minimum` bytes, aligned to 64. Its contents are undefined.
    ///
    /// Requests above the largest size are served by the heap, rounded up to a whole 4 KiB.
    public mutating func take(atLeast minimum: Int) -> UnsafeMutableRawBufferPointer {
        guard let index = Self.sizeIndex(minimum) else {
            let count = (minimum &+ 4_095) & ~4_095
            heapAllocations &+= 1
            bytesInUse &+= count
            return Self.allocate(count)
        }
        let size = Self.sizes[index]
        bytesInUse &+= size
        guard let block = free[index] else {
            heapAllocations &+= 1
            return Self.allocate(size)
        }
        free[index] = block.load(as: UnsafeMutableRawPointer?.self)
        idleBytes &-= size
        return UnsafeMutableRawBufferPointer(start: block, count: size)
    }

    /// Gives back a block as it was taken.
    public mutating func giveBack(_ block: UnsafeMutableRawBufferPointer) {
        guard let base = block.baseAddress else { return }
        bytesInUse &-= block.count
        if spoilsFreeBlocks { spoil(base, count: block.count) }
        guard Self.keepsIdleBlocks, let index = Self.sizeIndex(block.count), idleBytes &+ block.count <= idleLimit
        else {
            return IOMemory.deallocate(base, byteCount: block.count)
        }
        base.storeBytes(of: free[index], as: UnsafeMutableRawPointer?.self)
        free[index] = base
        idleBytes &+= block.count
    }

    /// Whether blocks are kept at all; not in builds that look for the use of freed memory.
    package static var keepsIdleBlocks: Bool { IOMemory.isReused }

    private static func allocate(_ count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: IOMemory.allocate(byteCount: count, alignment: 64), count: count)
    }

    private static func sizeIndex(_ minimum: Int) -> Int? {
        if minimum <= 64 { return 0 }
        if minimum <= 256 { return 1 }
        if minimum <= 1_024 { return 2 }
        if minimum <= 4_096 { return 3 }
        if minimum <= 16_384 { return 4 }
        return minimum <= 65_536 ? 5 : nil
    }
}
