// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire
import World

/// A client that knows nothing but the bytes it was given, and complains when they make no sense.
final class WorldClient {
    struct Known: Equatable {
        var x: UInt16
        var y: UInt16
        var name: Name
    }

    struct Heard: Equatable {
        var object: UInt32
        var text: String
    }

    let session: UInt64
    private(set) var object: UInt32?
    private(set) var known: [UInt32: Known] = [:]
    private(set) var x: UInt16 = 0
    private(set) var y: UInt16 = 0

    private(set) var heard: [Heard] = []
    private(set) var moves: [MoveResult] = []
    private(set) var results: [RequestResult] = []
    private(set) var entered: [EnterWorld] = []
    private(set) var bytesThisTick = 0
    private(set) var deliveries = 0
    /// Requests whose positive answer means that the player has left.
    var logouts: Set<UInt32> = []

    private var added: Set<UInt32> = []
    private var removed: Set<UInt32> = []

    init(session: UInt64) { self.session = session }

    func beginTick() {
        heard.removeAll()
        moves.removeAll()
        results.removeAll()
        entered.removeAll()
        added.removeAll()
        removed.removeAll()
        bytesThisTick = 0
        deliveries = 0
    }

    func beginDelivery() { deliveries += 1 }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        bytesThisTick += bytes.count
        let framing = Framing()
        var rest = bytes
        while !rest.isEmpty {
            guard case .packet(let size, let type) = framing.header(rest), size <= rest.count else {
                Issue.record("a piece that is not whole packets")
                return
            }
            let body = UnsafeRawBufferPointer(rebasing: rest[framing.headerSize..<size])
            do {
                try handle(type, body.bytes)
            } catch {
                Issue.record("packet \(type): \(error)")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[size...])
        }
    }

    private func handle(_ type: PacketType, _ body: RawSpan) throws(DecodeError) {
        switch type {
        case AddObject.type: add(try AddObject.decode(body))
        case MoveObject.type: move(try MoveObject.decode(body))
        case RemoveObject.type: remove(try RemoveObject.decode(body))
        case ChatMessage.type:
            let message = try ChatMessage.decode(body)
            guard message.object != object else { return }
            #expect(known[message.object] != nil, "a stranger speaks")
            heard.append(Heard(object: message.object, text: message.text.string))
        case MoveResult.type:
            let result = try MoveResult.decode(body)
            moves.append(result)
            if result.code != MoveCode.notInWorld.rawValue { (x, y) = (result.x, result.y) }
        case RequestResult.type: finish(try RequestResult.decode(body))
        case EnterWorld.type:
            let packet = try EnterWorld.decode(body)
            entered.append(packet)
            guard packet.code == 0 else { return }
            object = packet.object
            (x, y) = (packet.x, packet.y)
        default: Issue.record("an unexpected packet \(type)")
        }
    }

    private func finish(_ result: RequestResult) {
        results.append(result)
        guard result.code == 0, logouts.contains(result.request) else { return }
        object = nil
        known.removeAll()
    }

    /// What monsters did in several ticks may come in one.
    private func isOfOneTick(_ object: UInt32) -> Bool { object < Monsters.first }

    private func add(_ packet: AddObject) {
        guard packet.object != object else { return }
        #expect(known[packet.object] == nil, "\(packet.object) was added while known")
        #expect(
            !isOfOneTick(packet.object) || !removed.contains(packet.object),
            "\(packet.object) was removed and added in one tick")
        added.insert(packet.object)
        known[packet.object] = Known(x: packet.x, y: packet.y, name: packet.name)
    }

    private func move(_ packet: MoveObject) {
        guard packet.object != object else { return }
        #expect(known[packet.object] != nil, "\(packet.object) moved while unknown")
        #expect(
            !isOfOneTick(packet.object) || !added.contains(packet.object),
            "\(packet.object) was added and moved in one tick")
        known[packet.object]?.x = packet.x
        known[packet.object]?.y = packet.y
    }

    private func remove(_ packet: RemoveObject) {
        guard packet.object != object else { return }
        #expect(known[packet.object] != nil, "\(packet.object) was removed while unknown")
        #expect(
            !isOfOneTick(packet.object) || !added.contains(packet.object),
            "\(packet.object) was added and removed in one tick")
        removed.insert(packet.object)
        known[packet.object] = nil
    }
}
