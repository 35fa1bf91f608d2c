// SPDX-License-Identifier: Apache-2.0

/// Turns commands of a log back into commands of a worker.
enum CommandReader {
    /// Appends to `batch` what a worker's sessions asked in a tick.
    ///
    /// - Parameter objects: numbers that have come into the world so far; none comes twice.
    /// - Returns: how many commands there were.
    static func read(
        _ body: UnsafeRawBufferPointer, into batch: CommandBatch, objects: inout Set<UInt32>
    ) throws(LogFault) -> Int {
        var cursor = LogCursor(body)
        guard let count = cursor.read(UInt32.self) else { throw Self.fault }
        for _ in 0..<count {
            guard let session = cursor.read(UInt64.self), let number = cursor.read(UInt32.self),
                let kind = cursor.read(UInt8.self).flatMap(LogFormat.CommandKind.init(rawValue:)),
                Int(session >> 56) == batch.worker
            else { throw Self.fault }
            guard append(kind, session, number, &cursor, to: batch, &objects) else { throw Self.fault }
        }
        guard cursor.isAtEnd else { throw Self.fault }
        return Int(count)
    }

    private static var fault: LogFault { LogFault("a command that cannot be") }

    private static func append(
        _ kind: LogFormat.CommandKind, _ session: UInt64, _ number: UInt32, _ cursor: inout LogCursor,
        to batch: CommandBatch, _ objects: inout Set<UInt32>
    ) -> Bool {
        switch kind {
        case .enter:
            guard let request = cursor.read(UInt32.self), let object = cursor.read(UInt32.self),
                let character = cursor.read(UInt64.self), let text = cursor.readText(), let name = Name(text.bytes),
                let hasTile = cursor.read(UInt8.self), hasTile <= 1, object < Monsters.first,
                objects.insert(object).inserted
            else { return false }
            var tile: Tile?
            if hasTile == 1 {
                guard let x = cursor.read(UInt16.self), let y = cursor.read(UInt16.self) else { return false }
                tile = Tile(x: x, y: y)
            }
            batch.enter(
                session: session, number: number, request: request, object: object, character: character, name: name,
                at: tile)
        case .move:
            guard let sequence = cursor.read(UInt32.self), let clientTime = cursor.read(UInt64.self),
                let x = cursor.read(UInt16.self), let y = cursor.read(UInt16.self)
            else { return false }
            batch.move(session: session, number: number, sequence: sequence, clientTime: clientTime, x: x, y: y)
        case .chat:
            guard let request = cursor.read(UInt32.self), let scope = cursor.read(UInt8.self),
                let text = cursor.readText(), text.count <= ChatText.maximum
            else { return false }
            batch.chat(session: session, number: number, request: request, scope: scope, text: text.bytes)
        case .hush: batch.setHushed(true, session: session, number: number)
        case .refresh: batch.setHushed(false, session: session, number: number)
        case .leave: batch.leave(session: session, number: number, request: nil)
        case .logout:
            guard let request = cursor.read(UInt32.self) else { return false }
            batch.leave(session: session, number: number, request: request)
        }
        return true
    }
}
