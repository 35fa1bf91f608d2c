// SPDX-License-Identifier: Apache-2.0

public import Overlapped
public import Wire

/// What an application has told a server, with its state's type erased: read by all workers, changed by none.
@usableFromInline
final class ServerDefinition: @unchecked Sendable {
    @usableFromInline typealias Hook = @Sendable (Session, UnsafeMutableRawPointer) -> Void
    @usableFromInline typealias BytesHook = @Sendable (RawSpan, Session, UnsafeMutableRawPointer) -> Void
    @usableFromInline typealias CloseHook = @Sendable (SessionID, EndReason, UnsafeMutableRawPointer) -> Void
    @usableFromInline typealias WorkerHook = @Sendable (WorkerContext, UnsafeMutableRawPointer) -> Void
    @usableFromInline typealias MessageHook =
        @Sendable (UInt32, UnsafeMutableRawPointer, Int, WorkerContext, UnsafeMutableRawPointer) -> Void

    @usableFromInline
    struct Periodic: Sendable {
        let interval: UInt64
        let body: WorkerHook
    }

    @usableFromInline var configuration: ServerConfiguration
    let router = Router()
    @usableFromInline var makeState: @Sendable (Int) -> UnsafeMutableRawPointer
    @usableFromInline var destroyState: @Sendable (UnsafeMutableRawPointer) -> Void
    // Not optional: a closure in an optional is wrapped in one that takes its arguments by reference, once on its way
    // in and once more on its way out, and every packet would go through both.
    @usableFromInline var onOpen: Hook = { _, _ in }
    @usableFromInline var onClose: CloseHook = { _, _, _ in }
    @usableFromInline var onTimer: Hook = { _, _ in }
    @usableFromInline var onBytes: BytesHook = { _, _, _ in }
    @usableFromInline var onAnyPacket: BytesHook = { _, _, _ in }
    @usableFromInline var onMessage: MessageHook = { _, _, _, _, _ in }
    @usableFromInline var onTurn: WorkerHook = { _, _ in }
    /// Bytes are taken as they come: there are no packets.
    @usableFromInline var takesBytes = false
    /// Packets are taken without looking at their type: there are no routes.
    @usableFromInline var takesAnyPacket = false
    @usableFromInline var followsTurns = false
    @usableFromInline var periodic: [Periodic] = []
    @usableFromInline var acceptPolicy: (@Sendable (SocketAddress) -> AcceptDecision)?
    @usableFromInline var log: @Sendable (String) -> Void = { _ in }

    @usableFromInline
    init(
        configuration: ServerConfiguration, makeState: @escaping @Sendable (Int) -> UnsafeMutableRawPointer,
        destroyState: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.configuration = configuration
        self.makeState = makeState
        self.destroyState = destroyState
    }

    @usableFromInline
    func addRoute(_ type: PacketType, _ route: consuming Route) {
        if configuration.sessionLayer.served != nil {
            precondition(type.rawValue >= PacketType.firstOfGame.rawValue, "types 1 to 15 belong to the session layer")
        }
        router.set(type, route)
    }

    @usableFromInline
    func addPeriodic(milliseconds: Int, _ body: @escaping WorkerHook) {
        precondition(milliseconds > 0)
        periodic.append(Periodic(interval: WorkerCore.ms(milliseconds), body: body))
    }
}

/// What an accept policy says to a new connection. The TCP handshake is done already, so the peer sees a connection
/// either way (`WSAAccept`'s condition function, which Windows calls before).
public enum AcceptDecision: Sendable, Hashable {
    /// Serve it.
    case accept
    /// Reset it.
    case reject
}
