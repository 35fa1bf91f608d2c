// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// The application's closures as a worker calls them.
///
/// `~Copyable`, because a closure in a copyable value is retained and released around every call.
struct Hooks: ~Copyable {
    let takesBytes: Bool
    let takesAnyPacket: Bool
    let followsTurns: Bool
    private let onBytes: ServerDefinition.BytesHook
    private let onAnyPacket: ServerDefinition.BytesHook
    private let onOpen: ServerDefinition.Hook
    private let onClose: ServerDefinition.CloseHook
    private let onTimer: ServerDefinition.Hook
    private let onMessage: ServerDefinition.MessageHook
    private let onTurn: ServerDefinition.WorkerHook
    private let periodics: [ServerDefinition.WorkerHook]

    init(_ definition: ServerDefinition) {
        takesBytes = definition.takesBytes
        takesAnyPacket = definition.takesAnyPacket
        followsTurns = definition.followsTurns
        onBytes = definition.onBytes
        onAnyPacket = definition.onAnyPacket
        onOpen = definition.onOpen
        onClose = definition.onClose
        onTimer = definition.onTimer
        onMessage = definition.onMessage
        onTurn = definition.onTurn
        periodics = definition.periodic.map(\.body)
    }

    @inline(__always)
    func bytes(_ bytes: RawSpan, _ session: Session, _ state: UnsafeMutableRawPointer) {
        onBytes(bytes, session, state)
    }

    @inline(__always)
    func anyPacket(_ packet: RawSpan, _ session: Session, _ state: UnsafeMutableRawPointer) {
        onAnyPacket(packet, session, state)
    }

    func open(_ session: Session, _ state: UnsafeMutableRawPointer) { onOpen(session, state) }

    func close(_ id: SessionID, _ reason: EndReason, _ state: UnsafeMutableRawPointer) { onClose(id, reason, state) }

    func timer(_ session: Session, _ state: UnsafeMutableRawPointer) { onTimer(session, state) }

    func turn(_ worker: WorkerContext, _ state: UnsafeMutableRawPointer) { onTurn(worker, state) }

    func periodic(_ number: Int, _ worker: WorkerContext, _ state: UnsafeMutableRawPointer) {
        periodics[number](worker, state)
    }

    func message(
        _ tag: UInt32, _ batch: UnsafeMutableRawPointer, _ peer: Int, _ worker: WorkerContext,
        _ state: UnsafeMutableRawPointer
    ) {
        onMessage(tag, batch, peer, worker, state)
    }
}
