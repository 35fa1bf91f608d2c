// SPDX-License-Identifier: Apache-2.0

/// What a simulation asks a machine about, and memory that is not there.
extension SimulatedMachine {
    /// The client whose connection a descriptor is.
    public func client(of descriptor: Int32) -> SimulatedSocket? {
        guard case .socket(let socket) = file(descriptor) else { return nil }
        return socket
    }

    /// Memory that a send may name and that no process has: EFAULT.
    public var missingMemory: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: Self.missingPage), count: 4_096)
    }

    /// Whether some memory is not there.
    public func isMissing(_ memory: UnsafeRawBufferPointer) -> Bool {
        memory.baseAddress.map { UInt(bitPattern: $0) == Self.missingPage } ?? false
    }

    /// Nothing is mapped so low (vm.mmap_min_addr).
    private static let missingPage: UInt = 4_096
}
