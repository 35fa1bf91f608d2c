// SPDX-License-Identifier: Apache-2.0

/// Memory in which chunks of a log are put together, and used again: nothing is allocated once the largest tick has
/// been seen. One thread at a time has it.
public final class LogBuffer: @unchecked Sendable {
    private var arena = ByteArena(capacity: 1 << 16)
    private var chunkStart = 0
    private var count: UInt32 = 0
    private var countPlace = 0

    /// Makes an empty one.
    public init() {}

    /// The chunks so far; valid until the buffer changes.
    public var bytes: UnsafeRawBufferPointer { arena.bytes }

    /// Forgets them and keeps the memory.
    public func removeAll() { arena.removeAll() }

    /// The beginning of a file: what makes the same world again.
    ///
    /// - Parameters:
    ///   - workers: how many write down what was asked.
    ///   - regions: how many write down their sectors.
    public func appendHeader(_ configuration: WorldConfiguration, workers: Int, regions: Int) {
        let magic = LogFormat.magic
        let bytes = UnsafeRawBufferPointer(start: magic.utf8Start, count: magic.utf8CodeUnitCount)
        _ = arena.append(bytes.bytes)
        arena.append(LogFormat.version)
        begin(.configuration)
        arena.append(UInt16(workers))
        arena.append(UInt16(regions))
        arena.append(UInt16(configuration.width))
        arena.append(UInt16(configuration.height))
        arena.append(UInt16(configuration.viewRadius))
        arena.append(UInt16(configuration.tickMilliseconds))
        arena.append(UInt16(configuration.moveIntervalMilliseconds))
        arena.append(configuration.seed)
        arena.append(UInt32(configuration.spawnArea ?? 0))
        arena.append(UInt32(configuration.monsters))
        end()
    }

    /// What the sessions of a worker ask in a tick, before it is closed.
    public func append(commands batch: CommandBatch, tick: UInt64) {
        begin(.commands, tick: tick, part: batch.worker)
        for command in batch.commands {
            append(command, of: batch)
            count += 1
        }
        endList()
    }

    /// Where a character left the world: 1 and the tile, or 0.
    private func append(_ tile: Tile?) {
        guard let tile else { return arena.append(UInt8(0)) }
        arena.append(UInt8(1))
        arena.append(tile.x)
        arena.append(tile.y)
    }

    private func append(_ command: Command, of batch: CommandBatch) {
        arena.append(command.session)
        arena.append(command.number)
        switch command.what {
        case .enter(let request, let object, let character, let name, let tile):
            arena.append(LogFormat.CommandKind.enter.rawValue)
            arena.append(request)
            arena.append(object)
            arena.append(character)
            append(text: batch.text(name))
            append(tile)
        case .move(let sequence, let clientTime, let x, let y):
            arena.append(LogFormat.CommandKind.move.rawValue)
            arena.append(sequence)
            arena.append(clientTime)
            arena.append(x)
            arena.append(y)
        case .chat(let request, let scope, let text):
            arena.append(LogFormat.CommandKind.chat.rawValue)
            arena.append(request)
            arena.append(scope)
            append(text: batch.text(text))
        case .leave:
            arena.append(LogFormat.CommandKind.leave.rawValue)
        case .logout(let request):
            arena.append(LogFormat.CommandKind.logout.rawValue)
            arena.append(request)
        case .hush: arena.append(LogFormat.CommandKind.hush.rawValue)
        case .refresh: arena.append(LogFormat.CommandKind.refresh.rawValue)
        }
    }

    private func append(text: UnsafeRawBufferPointer) {
        arena.append(UInt16(truncatingIfNeeded: text.count))
        _ = arena.append(text.bytes)
    }

    /// Begins the list of what the sessions of a worker get in a tick.
    public func beginOutputs(tick: UInt64, worker: Int) { begin(.outputs, tick: tick, part: worker) }

    /// One session's output.
    public func append(session: UInt64, digest: UInt64) {
        arena.append(session)
        arena.append(digest)
        count += 1
    }

    /// Begins the list of the sectors of a region that a tick changed.
    public func beginSectors(tick: UInt64, region: Int) { begin(.sectors, tick: tick, part: region) }

    /// One sector's state.
    public func append(sector: Sector, hash: UInt64) {
        arena.append(sector.rawValue)
        arena.append(hash)
        count += 1
    }

    /// Ends a list.
    public func endList() {
        arena.set(count, at: countPlace)
        end()
    }

    /// The last chunk of a file.
    public func append(end: LogEnd) {
        begin(.end)
        arena.append(end.rawValue)
        self.end()
    }

    private func begin(_ kind: LogFormat.Kind, tick: UInt64, part: Int) {
        begin(kind)
        arena.append(tick)
        arena.append(UInt16(part))
        countPlace = arena.count
        count = 0
        arena.append(count)
    }

    private func begin(_ kind: LogFormat.Kind) {
        chunkStart = arena.count
        arena.append(UInt32(0))
        arena.append(kind.rawValue)
    }

    private func end() {
        let body = chunkStart + LogFormat.chunkOverhead - 8
        arena.set(UInt32(arena.count - body), at: chunkStart)
        var check = OutputDigest()
        check.append(UnsafeRawBufferPointer(rebasing: arena.bytes[(body - 1)...]))
        arena.append(check.value)
    }
}

extension ByteArena {
    mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { _ = append($0.bytes) }
    }

    /// Writes over what was appended as a placeholder.
    mutating func set(_ value: UInt32, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) { overwrite(at: offset, with: $0) }
    }
}
