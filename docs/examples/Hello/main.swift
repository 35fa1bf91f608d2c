// SPDX-License-Identifier: Apache-2.0

// The server of the README: a chat room for everybody, on all cores.
import Gori
import Wire

struct Say: Packet {
    static let type: PacketType = 16
    static let bodySize = 1...201
    var text: String
    init(from reader: inout PacketReader) throws(DecodeError) { text = try reader.readString(maximum: 200) }
    func encode(to writer: inout PacketWriter) { writer.write(text, maximum: 200) }
}

let room = Group(1)
let server = Server(state: { _ in 0 })
server.onOpen { session, _ in session.join(room) }
server.on(Say.self) { say, session, said in
    said += 1
    session.publish(say, to: room)
}
try server.run { print("listening \($0.addresses)") }
