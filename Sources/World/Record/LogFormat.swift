// SPDX-License-Identifier: Apache-2.0

/// How a run of the world is written down: what was asked of it, and numbers for what came of it.
///
/// ```
/// file   : "GoriRun\n", version u32, chunks
/// chunk  : length u32 (of the body), kind u8, body, check u64 (`OutputDigest` of kind and body)
/// ```
///
/// Everything is little-endian and packed. A file that was cut off is good up to its last whole chunk. The kinds and
/// their bodies are in docs/recording.md; `LogBuffer` writes them and `LogReader` reads them.
enum LogFormat {
    static let magic: StaticString = "GoriRun\n"
    static let version: UInt32 = 1
    static let headerSize = 12
    /// Length and kind in front of a body, and the check behind it.
    static let chunkOverhead = 13

    enum Kind: UInt8 {
        /// The rules; the first chunk and no other.
        case configuration = 0
        /// What the sessions of a worker asked in a tick.
        case commands = 1
        /// What each of them got in it.
        case outputs = 2
        /// The sectors of a region whose state it changed.
        case sectors = 3
        /// The last chunk of a log that ends as it should, or because it could not go on.
        case end = 4
    }

    /// How a command begins; its fields follow.
    enum CommandKind: UInt8 {
        case enter = 0
        case move = 1
        case chat = 2
        case leave = 3
        case logout = 4
        case hush = 5
        case refresh = 6
    }
}

/// Why a log has no further ticks.
public enum LogEnd: UInt8, Sendable {
    /// The server ended.
    case closed = 0
    /// The file could not be written as fast as the world went on.
    case fellBehind = 1
}
