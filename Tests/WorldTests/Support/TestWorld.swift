// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire
import World

/// The workers and regions of a world, and clients that get exactly what the workers say.
final class TestWorld {
    let configuration: WorldConfiguration
    let grid: SectorGrid
    let network: Network
    private(set) var tick: UInt64 = 0
    private(set) var clients: [UInt64: WorldClient] = [:]
    private var numbers: [UInt64: UInt32] = [:]
    private var nextObject: UInt32 = 100
    /// What has been done since the first tick, by tick.
    private(set) var log: [[Operation]] = [[]]

    init(_ configuration: WorldConfiguration, workers: Int = 1, regions: Int = 1) {
        self.configuration = configuration
        grid = SectorGrid(configuration)
        network = Network(configuration, regions: regions, workers: workers, order: configuration.seed)
    }

    /// The player of a session, in whatever region it is.
    func entity(_ session: UInt64) -> Entity? { network.entity(session: session) }
    var population: Int { network.population }

    /// A number for the state of every sector.
    var stateHashes: [UInt64] { grid.sectors.map { network.stateHash(of: $0) ?? 0 } }

    func client(_ session: UInt64) -> WorldClient {
        if let client = clients[session] { return client }
        let client = WorldClient(session: session)
        clients[session] = client
        return client
    }

    /// Does something in the coming tick.
    @discardableResult
    func perform(_ operation: Operation) -> UInt32 {
        let session = operation.session
        let number = numbers[session, default: 0] + 1
        numbers[session] = number
        operation.append(to: network.peers[Int(session >> 56)].worker.open, number: number)
        switch operation {
        case .logout: client(session).logouts.insert(number)
        case .leave: clients[session] = nil
        default: _ = client(session)
        }
        log[log.count - 1].append(operation)
        return number
    }

    /// Enters as a new object.
    @discardableResult
    func enter(_ session: UInt64, name: Name = "someone", at tile: Tile? = nil) -> UInt32 {
        nextObject += 1
        perform(.enter(session: session, object: nextObject, name: name, at: tile))
        return nextObject
    }

    func move(_ session: UInt64, to x: Int, _ y: Int, sequence: UInt32 = 1, clientTime: UInt64 = 2) {
        perform(
            .move(
                session: session, x: UInt16(x), y: UInt16(y), sequence: sequence, clientTime: clientTime))
    }

    func say(_ session: UInt64, _ text: String, scope: UInt8 = 0) {
        perform(.chat(session: session, scope: scope, text: text))
    }

    /// Enters, and walks through ticks until the player stands on a tile.
    func place(_ session: UInt64, at x: Int, _ y: Int) {
        enter(session)
        step()
        while let entity = entity(session), (Int(entity.x), Int(entity.y)) != (x, y) {
            let (dx, dy) = ((x - Int(entity.x)).signum(), (y - Int(entity.y)).signum())
            move(session, to: Int(entity.x) + dx, Int(entity.y) + dy)
            step()
        }
    }

    /// One tick, from the commands to the clients.
    ///
    /// - Returns: the frame of the first region.
    @discardableResult
    func step(
        _ watch: (UInt64, UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void = {
            _, _, _, _ in
        }
    ) -> Frame {
        tick += 1
        for client in clients.values { client.beginTick() }
        network.step { worker, tick, session, privates, blocks in
            #expect(tick == self.tick && UInt64(worker) == session >> 56)
            #expect(!privates.isEmpty || !blocks.isEmpty, "a delivery of nothing")
            watch(tick, session, privates, blocks)
            guard let client = clients[session] else { return }
            client.beginDelivery()
            for index in privates.indices { client.receive(privates[index]) }
            for index in blocks.indices { client.receive(blocks[index]) }
        }
        for client in clients.values { #expect(client.deliveries <= 1, "two deliveries in one tick") }
        log.append([])
        guard let frame = network.frames[0] else { preconditionFailure("a tick without a frame") }
        return frame
    }
}

extension Region {
    /// One tick of a world that is one region.
    mutating func step(tick: UInt64, _ commands: [CommandBatch], _ effects: EffectBatch) -> Frame {
        decide(tick: tick, commands: commands, into: [effects])
        let frame = apply([effects])
        absorb([frame])
        return frame
    }
}

/// Every byte of a frame, and whom it is for.
func contents(of frame: Frame) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ number: UInt64) { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
    for block in frame.blocks {
        add(UInt64(block.sector.rawValue) << 32 | UInt64(block.other.rawValue))
        add(UInt64(block.kind.rawValue) << 32 | UInt64(block.range.offset))
        bytes.append(contentsOf: frame.bytes(of: block))
    }
    for section in frame.privates {
        add(section.session)
        bytes.append(contentsOf: frame.bytes(of: section))
    }
    for change in frame.subscriptions {
        add(change.session)
        add(UInt64(change.area.left) << 32 | UInt64(change.area.top))
    }
    for session in frame.ended { add(session) }
    for place in frame.places {
        add(place.session)
        add(UInt64(place.tile.x) << 32 | UInt64(place.tile.y))
    }
    return bytes
}
