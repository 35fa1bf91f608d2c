// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Where the kernel writes what it reads from a port's eventfd. It outlives the ring, whose read of it is always armed.
struct DoorbellCount: ~Copyable {
    let memory: UnsafeMutablePointer<UInt64>

    init() {
        memory = IOMemory.allocate(UInt64.self, capacity: 1)
        memory.initialize(to: 0)
    }

    deinit { IOMemory.deallocate(memory, capacity: 1) }
}
