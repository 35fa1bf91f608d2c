// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Overlapped
public import Wire

/// How a connection ended without being asked to.
public enum ConnectionEnd: Hashable, Sendable {
    /// The server sent its end of stream.
    case finished
    /// The connection broke, with this errno.
    case broken(Int32)
    /// The server sent a size that no packet has; what follows cannot be read.
    case malformed
}

extension ConnectionEnd: CustomStringConvertible {
    /// In words.
    public var description: String {
        switch self {
        case .finished: "the server closed it"
        case .broken(let code): String(cString: strerror(code))
        case .malformed: "a size that no packet has"
        }
    }
}

/// What the connections of a load say and what they make of the answers. One thread calls everything.
///
/// Connections are numbers from 0. Nothing here may wait, and bytes may not be kept.
public protocol LoadScenario: AnyObject {
    /// A connection stands.
    func connected(_ connection: Int, _ load: LoadContext)

    /// A connection did not come about, and none after it will be tried.
    func notConnected(_ connection: Int, _ error: PortError, _ load: LoadContext)

    /// Bytes have come that begin with a whole packet or a part of one; `received` is called for each whole one next.
    /// Whoever looks something up for each packet may look ahead here. Does nothing where it is not implemented.
    func arrived(_ bytes: UnsafeRawBufferPointer, on connection: Int)

    /// A whole packet has come.
    func received(_ type: PacketType, _ body: UnsafeRawBufferPointer, on connection: Int, _ load: LoadContext)

    /// What was scheduled is due.
    ///
    /// - Parameter intended: the scheduled time, in milliseconds since the start; now is never before it.
    func due(_ connection: Int, intended: UInt32, _ load: LoadContext)

    /// A connection has ended that was not asked to. Nothing more comes of it.
    func ended(_ connection: Int, _ end: ConnectionEnd, _ load: LoadContext)

    /// A second of the run has gone.
    func secondPassed(_ load: LoadContext)

    /// Every connection has come and gone.
    func over(_ load: LoadContext)
}

extension LoadScenario {
    /// Does not look ahead.
    public func arrived(_ bytes: UnsafeRawBufferPointer, on connection: Int) {}
}
