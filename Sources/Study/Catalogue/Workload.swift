// SPDX-License-Identifier: Apache-2.0

/// One kind of traffic: what clients send, over how many connections.
public struct Workload: Codable, Sendable, Equatable {
    /// What comes back, and so the mode of `gori echo`.
    public enum Traffic: String, Codable, Sendable {
        /// Bytes as they came.
        case echo
        /// Packets of 4 bytes to `size`, cut out of the stream.
        case packet
        /// Every packet to all members of the sender's group; a message is a delivery.
        case broadcast
        /// Connect, one echo, close; a message is a connection.
        case churn
        /// As much as goes both ways at once; bytes come back as they came.
        case stream
        /// Echo beside connections that ask for much and read slowly; messages are those of the others.
        case slow
        /// Echo at intended times, whatever has been answered; delays count from them.
        case open
        /// Players of `gori bots` in the world of `gori serve`; a message is a packet that a player receives.
        case course

        /// How `gori echo` is asked for it.
        var mode: String {
            switch self {
            case .packet, .broadcast: rawValue
            case .echo, .churn, .stream, .slow, .open, .course: Traffic.echo.rawValue
            }
        }
    }

    /// What noise depends on, and so what may be held against what.
    enum Regime: CaseIterable {
        /// Small messages, of which an answer starts the next.
        case closed
        /// As much as goes.
        case stream
        /// Others do not read.
        case slow
        /// Messages have intended times.
        case open
        /// Players of the world, whose answers wait for its ticks.
        case world
    }

    /// By which it is chosen; unique.
    public var name: String
    /// What is sent.
    public var traffic: Traffic
    /// Connections; in churn those that are open side by side.
    public var connections: Int
    /// Connections that send.
    public var active: Int
    /// Messages under way on each connection that sends.
    public var depth = 1
    /// Bytes of a message, of the largest packet where they are mixed.
    public var size = 64
    /// Members of a group in broadcast.
    public var group = 10
    /// Messages a second over all connections, at intended times; nil: an answer starts the next.
    public var rate: Int?
    /// Of the connections, those that read slowly, on top of those that are active.
    public var slow: Int?

    /// Which loads it may be compared with.
    var regime: Regime {
        switch traffic {
        case .open: .open
        case .course: .world
        case .stream: .stream
        case .slow: .slow
        case .echo, .packet, .broadcast, .churn: .closed
        }
    }

    /// Under which several are chosen together.
    public var family: String { String(name.prefix { $0 != "-" }) }

    /// What stands in tables: a size, then connections × depth.
    public var label: Text {
        let load = "\(connections) × \(depth)"
        return switch traffic {
        case .echo where active < connections:
            Text("idle crowd \(connections), \(active) active", "쉬는 연결 \(connections)개, 활동 \(active)개")
        case .echo: Text("echo \(bytes) · \(load)")
        case .packet: Text("packets 4–\(size) B · \(load)", "패킷 4–\(size) B · \(load)")
        case .broadcast: Text("broadcast \(bytes) · groups of \(group)", "broadcast \(bytes) · \(group)개씩")
        case .stream: Text("stream, blocks of \(bytes) · \(load)", "대량 전송, \(bytes)씩 · \(load)")
        case .slow:
            Text(
                "echo \(bytes) · \(active) beside \(slow ?? 0) slow readers",
                "echo \(bytes) · \(active), 느린 독자 \(slow ?? 0)개 곁에서")
        case .open:
            Text(
                "open loop \(Figures.whole(Double(rate ?? 0)))/s · \(connections)",
                "열린 고리 초당 \(Figures.whole(Double(rate ?? 0))) · \(connections)")
        case .course:
            Text(
                "the world, \(Figures.whole(Double(connections))) players",
                "월드, 플레이어 \(Figures.whole(Double(connections)))명")
        case .churn: Text("connect, echo, close · \(connections)", "연결, echo, 닫기 · \(connections)")
        }
    }

    private var bytes: String { size % 1_024 == 0 ? "\(size / 1_024) KiB" : "\(size) B" }
}
