// SPDX-License-Identifier: Apache-2.0

import Wire
import World

/// The world of a `FakeServer` in which everybody is told of everybody: a dictionary of positions.
struct FakeWorld {
    /// What is wrong with it.
    enum Fault: Sendable {
        /// Nobody is told of the moves of the second who came.
        case forgetsMoves
        /// Nobody is told of the third who came.
        case forgetsArrivals
        /// No step is ever late enough.
        case refusesSteps
    }

    static let map = WorldConfiguration(width: 100, height: 100)
    /// Three steps from the square in the middle.
    static let entrance: (x: UInt16, y: UInt16) = (43, 50)

    typealias Output = (client: Int32, packet: any Packet)

    private let fault: Fault?
    private var positions: [Int32: (x: UInt16, y: UInt16)] = [:]
    private var arrivals: [Int32] = []

    init(_ fault: Fault?) { self.fault = fault }

    mutating func enter(_ client: Int32) -> [Output] {
        let (x, y) = Self.entrance
        arrivals.append(client)
        var output: [Output] = [
            (
                client,
                EnterWorld(request: 2, code: .ok, object: UInt32(client), x: x, y: y, configuration: Self.map)
            )
        ]
        for (other, place) in positions {
            output.append((client, add(other, place)))
            let isForgotten = fault == .forgetsArrivals && arrivals.count == 3
            if !isForgotten { output.append((other, add(client, (x, y)))) }
        }
        positions[client] = (x, y)
        return output
    }

    mutating func move(_ client: Int32, _ move: Move) -> [Output] {
        guard let old = positions[client] else { return [] }
        let isRefused = fault == .refusesSteps
        let (x, y) = isRefused ? old : (move.x, move.y)
        let result = MoveResult(
            sequence: move.sequence, clientTime: move.clientTime, code: isRefused ? .tooSoon : .ok, x: x, y: y)
        var output: [Output] = [(client, result)]
        positions[client] = (x, y)
        if fault == .forgetsMoves, arrivals.dropFirst().first == client { return output }
        for other in positions.keys where other != client {
            output.append((other, MoveObject(object: UInt32(client), x: x, y: y)))
        }
        return output
    }

    mutating func leave(_ client: Int32) -> [Output] {
        guard positions.removeValue(forKey: client) != nil else { return [] }
        return positions.keys.map { ($0, RemoveObject(object: UInt32(client))) }
    }

    private func add(_ client: Int32, _ place: (x: UInt16, y: UInt16)) -> AddObject {
        AddObject(object: UInt32(client), kind: .player, x: place.x, y: place.y, name: "n")
    }
}
