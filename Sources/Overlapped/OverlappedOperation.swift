// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// One overlapped operation, as the lecture notes teach them: started now, done later, told by its own completion.
///
/// What `WSARecv`, `WSASend`, `AcceptEx`, `ConnectEx` and `DisconnectEx` are on Windows. Operations of one socket and
/// direction are carried out and completed in the order in which they were started.
public enum OverlappedOperation: Sendable {
    /// Fills the buffers in order without holes (scatter). The result is the count, 0 at the peer's end of stream.
    case receive(into: [OverlappedBuffer], MessageFlags = [])
    /// Sends the buffers in order (gather). The result is the count: all bytes, unless the stream breaks.
    case send([OverlappedBuffer], MessageFlags = [])
    /// Accepts one connection on a listening socket. The result is its descriptor.
    case accept
    /// Connects. The result is 0.
    case connect(to: SocketAddress)
    /// Ends the sending direction behind the sends started before. The result is 0.
    case disconnect

    var direction: OperationDirection {
        switch self {
        case .receive, .accept: .incoming
        case .send, .connect, .disconnect: .outgoing
        }
    }
}

/// Which of a socket's two queues an operation stands in.
enum OperationDirection: UInt8 {
    case incoming
    case outgoing
}

/// Options of a single receive or send (recv(2), send(2); `lpFlags` of `WSARecv`).
public struct MessageFlags: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8

    /// Makes flags of their bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Copies what has arrived without taking it away (MSG_PEEK).
    public static let peek = MessageFlags(rawValue: 1 << 0)
    /// The one urgent byte (MSG_OOB).
    public static let outOfBand = MessageFlags(rawValue: 1 << 1)
    /// Completes when the buffers are full (MSG_WAITALL); not together with the other two.
    public static let waitAll = MessageFlags(rawValue: 1 << 2)

    /// The flags of recv(2) and send(2).
    var system: Int32 {
        Int32(
            (contains(.peek) ? MSG_PEEK : 0) | (contains(.outOfBand) ? MSG_OOB : 0)
                | (contains(.waitAll) ? MSG_WAITALL : 0))
    }

    /// WAITALL excludes the others, as on Windows.
    var isLegal: Bool { !contains(.waitAll) || self == .waitAll }
}
