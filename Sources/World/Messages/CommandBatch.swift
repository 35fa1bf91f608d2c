// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The message C: what the sessions of one worker ask of one region in one tick.
///
/// A worker fills it while it serves packets, closes it when the tick is due, and hands it to the region's owner; a
/// worker without commands sends an empty one, because a region decides when it has one of every worker. The commands
/// of a session are appended in the order of their numbers and all go into the same batch.
///
/// Memory is kept over `removeAll`, so filling a batch allocates nothing in steady state. One thread at a time has it:
/// it travels by message, and who sent it does not touch it until it comes back.
public final class CommandBatch: @unchecked Sendable {
    /// The worker whose sessions ask.
    public let worker: Int
    /// The tick in which the commands are decided.
    public private(set) var tick: UInt64 = 0
    /// The last tick whose frame this worker no longer needs: its sends are settled, its memory may be reused.
    public private(set) var settledThrough: UInt64 = 0

    private var commandColumn: Column<Command>
    private var texts: ByteArena

    /// Makes an empty batch with room for `capacity` commands before it grows.
    public init(worker: Int, capacity: Int = 1_024) {
        self.worker = worker
        commandColumn = Column(capacity: capacity)
        texts = ByteArena(capacity: 16 * capacity)
    }

    /// The commands in the order in which they came; valid until the batch changes.
    public var commands: UnsafeBufferPointer<Command> { commandColumn.view }

    /// The bytes of a name or text of one of the commands; valid until the batch changes.
    public func text(_ range: ByteRange) -> UnsafeRawBufferPointer { texts.slice(range) }

    /// Forgets all commands and keeps the memory.
    public func removeAll() {
        commandColumn.removeAll()
        texts.removeAll()
    }

    /// Says for which tick the commands are, last thing before the batch is sent.
    public func close(tick: UInt64, settledThrough: UInt64) {
        self.tick = tick
        self.settledThrough = settledThrough
    }

    /// A character comes into the world.
    ///
    /// - Parameters:
    ///   - object: made by the caller's directory, never used before in this run, and part of the log.
    ///   - tile: where it left the world, as storage says, and so part of the log too; nil: it was never there.
    public func enter(
        session: UInt64, number: UInt32, request: UInt32, object: UInt32, character: UInt64, name: Name,
        at tile: Tile? = nil
    ) {
        let range = name.withBytes { texts.append($0) }
        let what = Command.What.enter(request: request, object: object, character: character, name: range, at: tile)
        commandColumn.append(Command(session: session, number: number, what: what))
    }

    /// A player steps. The fields are the packet's, whatever they hold.
    public func move(session: UInt64, number: UInt32, sequence: UInt32, clientTime: UInt64, x: UInt16, y: UInt16) {
        let what = Command.What.move(sequence: sequence, clientTime: clientTime, x: x, y: y)
        commandColumn.append(Command(session: session, number: number, what: what))
    }

    /// A player steps, as the packet says it.
    public func move(session: UInt64, number: UInt32, _ packet: Move) {
        move(
            session: session, number: number, sequence: packet.sequence, clientTime: packet.clientTime, x: packet.x,
            y: packet.y)
    }

    /// A player speaks. The text is copied.
    public func chat(session: UInt64, number: UInt32, request: UInt32, scope: UInt8, text: RawSpan) {
        let what = Command.What.chat(request: request, scope: scope, text: texts.append(text))
        commandColumn.append(Command(session: session, number: number, what: what))
    }

    /// A player speaks, as the packet says it.
    public func chat(session: UInt64, number: UInt32, _ packet: Chat) {
        packet.text.withBytes {
            chat(session: session, number: number, request: packet.request, scope: packet.scope, text: $0)
        }
    }

    /// A command of another batch, with its text.
    func append(_ command: Command, of other: CommandBatch) {
        var what = command.what
        switch what {
        case .enter(let request, let object, let character, let name, let tile):
            let name = texts.append(other.text(name).bytes)
            what = .enter(request: request, object: object, character: character, name: name, at: tile)
        case .chat(let request, let scope, let text):
            what = .chat(request: request, scope: scope, text: texts.append(other.text(text).bytes))
        case .move, .leave, .logout, .hush, .refresh: break
        }
        commandColumn.append(Command(session: command.session, number: command.number, what: what))
    }

    /// A session has no more part in the world.
    ///
    /// - Parameter request: of a logout, which is answered; nil when the connection is gone.
    public func leave(session: UInt64, number: UInt32, request: UInt32?) {
        let what = request.map { Command.What.logout(request: $0) } ?? .leave
        commandColumn.append(Command(session: session, number: number, what: what))
    }

    /// The client of a session has stopped reading, or reads again. Nothing happens if that is known already.
    public func setHushed(_ isHushed: Bool, session: UInt64, number: UInt32) {
        commandColumn.append(Command(session: session, number: number, what: isHushed ? .hush : .refresh))
    }
}
