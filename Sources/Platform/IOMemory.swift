// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Memory that is named in submissions, so that the kernel reads or writes it while nobody looks.
///
/// Everywhere else this is the heap. Built with `GORI_GUARD_PAGES` every piece has pages of its own, which become
/// inaccessible when it is freed: the kernel's use of freed memory then fails with EFAULT, and ours with SIGSEGV.
/// AddressSanitizer sees only ours. Functions may be called on any thread.
///
/// What is asked in every turn is public, because what is `package` would be a call from another module.
public enum IOMemory {
    /// Whether freed pieces are inaccessible.
    @inlinable @inline(__always)
    public static var isGuarded: Bool {
        #if GORI_GUARD_PAGES
            return true
        #else
            return false
        #endif
    }

    /// Whether pools and arenas may keep what they do not need and use it again. Not where use after free is looked
    /// for: then everything is freed as early as it may be.
    @inlinable @inline(__always)
    public static var isReused: Bool {
        #if GORI_GUARD_PAGES || GORI_ADDRESS_SANITIZER
            return false
        #else
            return true
        #endif
    }

    /// Allocates bytes whose contents are undefined.
    ///
    /// - Parameter alignment: a power of two, 4,096 at most.
    package static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
        #if GORI_GUARD_PAGES
            return GuardPages.allocate(byteCount: byteCount, alignment: alignment)
        #else
            return .allocate(byteCount: byteCount, alignment: alignment)
        #endif
    }

    /// Allocates room for plain values, not initialised.
    package static func allocate<Value: BitwiseCopyable>(
        _: Value.Type, capacity: Int
    ) -> UnsafeMutablePointer<Value> {
        allocate(byteCount: capacity * MemoryLayout<Value>.stride, alignment: MemoryLayout<Value>.alignment)
            .bindMemory(to: Value.self, capacity: capacity)
    }

    /// Frees what `allocate` gave; `byteCount` is what was asked for.
    package static func deallocate(_ base: UnsafeMutableRawPointer, byteCount: Int) {
        #if GORI_GUARD_PAGES
            GuardPages.retire(base, byteCount: byteCount)
        #else
            base.deallocate()
        #endif
    }

    /// Frees room for plain values; `capacity` is what was asked for.
    package static func deallocate<Value: BitwiseCopyable>(_ base: UnsafeMutablePointer<Value>, capacity: Int) {
        deallocate(UnsafeMutableRawPointer(base), byteCount: capacity * MemoryLayout<Value>.stride)
    }

    /// Frees whole pages that the caller has mapped.
    package static func unmap(_ base: UnsafeMutableRawPointer, byteCount: Int) {
        #if GORI_GUARD_PAGES
            GuardPages.close(base, byteCount: byteCount)
        #else
            munmap(base, byteCount)
        #endif
    }
}

#if GORI_GUARD_PAGES
    /// Pages that are used once: behind each piece lies an inaccessible one, and a freed piece stays in place without
    /// memory until so many others have been freed.
    private enum GuardPages {
        private struct Range {
            let base: UInt
            let byteCount: Int
        }

        private struct Quarantine {
            var ranges: [Range] = []
            var oldest = 0
        }

        private static let page = 4_096
        /// Two mappings each at most, of the 65,530 that a process may have (vm.max_map_count).
        private static let quarantineLimit = 8_192
        private static let quarantine = Lock(Quarantine())

        private static func length(_ byteCount: Int) -> Int { max(1, (byteCount + page - 1) / page) * page }

        /// The piece ends where its pages end, as far as its alignment allows.
        static func allocate(byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer {
            let length = length(byteCount)
            let base = mmap(nil, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            guard let base, base != MAP_FAILED, mprotect(base + length, page, PROT_NONE) == 0 else {
                preconditionFailure("mmap of \(length) bytes: errno \(errno)")
            }
            let start = (length - byteCount) & ~(max(1, alignment) - 1)
            return base + min(start, length - 1)
        }

        static func retire(_ piece: UnsafeMutableRawPointer, byteCount: Int) {
            let base = UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: piece) & ~UInt(page - 1))
            guard let base else { return }
            close(base, byteCount: length(byteCount) + page)
        }

        /// Takes the memory away and keeps the addresses.
        static func close(_ base: UnsafeMutableRawPointer, byteCount: Int) {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
            let closed = mmap(base, byteCount, PROT_NONE, flags, -1, 0)
            precondition(closed == base, "mmap over \(byteCount) bytes: errno \(errno)")
            let range = Range(base: UInt(bitPattern: base), byteCount: byteCount)
            let evicted = quarantine.withLock { quarantine -> Range? in
                guard quarantine.ranges.count == quarantineLimit else {
                    quarantine.ranges.append(range)
                    return nil
                }
                let evicted = quarantine.ranges[quarantine.oldest]
                quarantine.ranges[quarantine.oldest] = range
                quarantine.oldest = (quarantine.oldest + 1) % quarantineLimit
                return evicted
            }
            if let evicted { munmap(UnsafeMutableRawPointer(bitPattern: evicted.base), evicted.byteCount) }
        }
    }
#endif
