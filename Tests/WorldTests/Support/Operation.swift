// SPDX-License-Identifier: Apache-2.0

import World

/// One entry of a log, from which a run can be made again.
enum Operation {
    case enter(session: UInt64, object: UInt32, name: Name, at: Tile? = nil)
    case move(session: UInt64, x: UInt16, y: UInt16, sequence: UInt32, clientTime: UInt64)
    case chat(session: UInt64, scope: UInt8, text: String)
    case leave(session: UInt64)
    case logout(session: UInt64)
    case hush(session: UInt64, Bool)

    var session: UInt64 {
        switch self {
        case .enter(let session, _, _, _), .move(let session, _, _, _, _), .chat(let session, _, _),
            .leave(let session), .logout(let session), .hush(let session, _):
            session
        }
    }

    func append(to batch: CommandBatch, number: UInt32) {
        switch self {
        case .enter(let session, let object, let name, let tile):
            batch.enter(
                session: session, number: number, request: number, object: object, character: UInt64(object) * 3,
                name: name, at: tile)
        case .move(let session, let x, let y, let sequence, let clientTime):
            batch.move(
                session: session, number: number, sequence: sequence, clientTime: clientTime, x: x, y: y)
        case .chat(let session, let scope, let text):
            let bytes = Array(text.utf8)
            batch.chat(session: session, number: number, request: number, scope: scope, text: bytes.span.bytes)
        case .leave(let session):
            batch.leave(session: session, number: number, request: nil)
        case .logout(let session):
            batch.leave(session: session, number: number, request: number)
        case .hush(let session, let isHushed):
            batch.setHushed(isHushed, session: session, number: number)
        }
    }
}

/// A session of a worker, as the engine numbers them.
func session(_ slot: Int, worker: UInt8 = 0) -> UInt64 {
    UInt64(worker) << 56 | UInt64(slot) << 32 | 1
}
