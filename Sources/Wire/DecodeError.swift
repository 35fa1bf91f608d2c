// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not the packet that their header announces. Each is one violation of the sender.
public enum DecodeError: Error, Hashable, Sendable, BitwiseCopyable {
    /// A field is missing: the body ends before it.
    case truncated
    /// Bytes are left over after the last field.
    case leftOver
    /// The body is shorter or longer than the packet type allows.
    case bodySize
    /// A string or an array is longer than its declared maximum.
    case tooLong
    /// A string is not valid UTF-8, or holds U+0000.
    case invalidText
    /// A value that the schema forbids: a bool above 1, an unknown case, NaN or infinity.
    case invalidValue
}
