// SPDX-License-Identifier: Apache-2.0

/// What is fuzzed: each target is one function over the bytes of an input, which traps where a promise is broken.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// Framing, reassembly and the readers of packets.
    case framing
    /// Sessions in real workers over a scripted port.
    case session
    /// The parser of addresses.
    case address

    /// Runs one input.
    public func run(_ input: UnsafeBufferPointer<UInt8>) {
        switch self {
        case .framing: FramingTarget.run(ByteScript(input))
        case .session: SessionTarget.run(ByteScript(input))
        case .address: AddressTarget.run(input)
        }
    }
}
