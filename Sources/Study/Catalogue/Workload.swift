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
        case .churn: Text("connect, echo, close · \(connections)", "연결, echo, 닫기 · \(connections)")
        }
    }

    private var bytes: String { size % 1_024 == 0 ? "\(size / 1_024) KiB" : "\(size) B" }
}
