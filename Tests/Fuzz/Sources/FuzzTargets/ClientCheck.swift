// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// What a client got, read independently: a welcome first, whole packets in the order in which they were sent, nothing
/// behind a goodbye.
enum ClientCheck {
    /// - Parameter isWhole: everything that was sent must have arrived.
    static func run(_ client: ScriptedConnection, _ mode: SessionMode, isWhole: Bool) {
        if client.phase == .closed || client.session == nil {
            promise(client.openCount == client.endCount, "whoever was opened has ended")
        }
        guard !mode.takesBytes else { return bytes(client, isWhole: isWhole) }
        let oracle = PacketOracle(mode.framing)
        var (offset, replies, pongs, isGone, isWelcome) = (0, 0, 0, false, false)
        while case .packet(let size, let type) = oracle.head(client.received, at: offset),
            size <= client.received.count - offset
        {
            promise(!isGone, "nothing comes behind a goodbye")
            let packet = Array(client.received[offset..<offset + size])
            offset += size
            if mode.hasLayer, type < 16 {
                switch type {
                case 2:
                    promise(!isWelcome && offset == size && size == oracle.headerBytes + 20, "one welcome, first")
                    isWelcome = true
                case 3: isGone = true
                case 5:
                    let token = packet[oracle.headerBytes...].prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
                    promise(pongs < client.oracle.pongs.count && client.oracle.pongs[pongs] == token, "pongs in order")
                    pongs += 1
                default: promise(type == 4 && isWelcome, "of the session layer a server sends pings")
                }
            } else if type != 30 || mode.takesAnyPacket {
                promise(isWelcome || !mode.hasLayer, "no packet before the welcome")
                promise(replies < client.replies.count && client.replies[replies] == packet, "replies in order")
                replies += 1
            }
        }
        promise(oracle.head(client.received, at: offset) != .malformed, "the server's stream can be read")
        if client.isFinished {
            promise(offset == client.received.count, "an end in order is behind a whole packet")
            let isSilent = !mode.hasLayer || client.endReason == nil || client.endReason == .disconnected
            promise(isGone || isSilent, "a client that reads is told why")
        }
        guard isWhole else { return }
        promise(offset == client.received.count, "whole packets")
        promise(replies == client.replies.count, "\(replies) of \(client.replies.count) replies have arrived")
        promise(pongs == client.oracle.pongs.count, "\(pongs) of \(client.oracle.pongs.count) pongs have arrived")
    }

    private static func bytes(_ client: ScriptedConnection, isWhole: Bool) {
        let expected = Array(client.replies.joined())
        promise(expected.starts(with: client.received), "the bytes that were sent, in their order")
        promise(!isWhole || expected.count == client.received.count, "all of them")
    }
}
