// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// Servers of others that do what `gori echo` does, as `Benchmarks/peers/peers.py build` lists them.
public struct PeerList: Decodable, Sendable {
    /// A server that can be started here. It prints `listening ADDRESS` and `ready`, and ends on SIGTERM.
    public struct Peer: Codable, Sendable {
        /// By which results name it.
        public var name: String
        /// Of what it is built on.
        public var version: String
        /// The program, by its path, and its arguments; `{mode}` and `{group}` stand for what is measured.
        public var command: [String]
        /// Seconds of load until it runs as fast as it will: one that compiles while it runs needs them.
        public var settleSeconds: Double
        /// Without io_uring it does not start.
        public var needsUring: Bool

        /// What to run.
        func command(_ workload: Workload) -> [String] {
            command.map {
                $0.replacing("{mode}", with: workload.traffic.mode).replacing("{group}", with: "\(workload.group)")
            }
        }
    }

    /// One that is not here.
    public struct Skipped: Decodable, Sendable {
        /// Which.
        public var name: String
        /// Why.
        public var reason: String
    }

    /// The one format there is.
    public static let schema = "gori-peers-1"
    /// Where `peers.py build` writes it, from the root of the checkout.
    public static let place = "Benchmarks/.out/peers/peers.json"

    /// Those that are built.
    public var peers: [Peer]
    /// Those that are not.
    public var skipped: [Skipped]

    private struct Schema: Decodable { var schema: String }

    /// Reads a list.
    ///
    /// - Throws: `ResultsFile.Fault`, with what is wrong with it.
    public init(_ data: Data) throws(ResultsFile.Fault) {
        let decoder = JSONDecoder()
        guard (try? decoder.decode(Schema.self, from: data))?.schema == Self.schema,
            let list = try? decoder.decode(PeerList.self, from: data)
        else { throw ResultsFile.Fault(description: "no list of peers ('\(Self.schema)')") }
        let names = list.peers.map(\.name) + VariantTable.all.map(\.name)
        guard Set(names).count == names.count, list.peers.allSatisfy({ $0.command.first?.hasPrefix("/") == true })
        else {
            throw ResultsFile.Fault(description: "its peers need names of their own, and programs by their path")
        }
        self = list
    }

    /// The list of the checkout in which this program or the current directory lies; nil: there is none.
    public static func find() -> String? {
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let starts = [program, FileManager.default.currentDirectoryPath].compactMap { $0 }
        for start in starts {
            var folder = URL(filePath: start).standardizedFileURL
            while folder.path != "/" {
                let file = folder.appending(path: place).path
                if FileManager.default.fileExists(atPath: file) { return file }
                folder = folder.deletingLastPathComponent()
            }
        }
        return nil
    }
}

extension Variant {
    /// A peer, as what is compared with the default.
    init(_ peer: PeerList.Peer) {
        self.init(peer.name, Text(peer.name), Text(peer.version), [])
        self.peer = peer
    }
}
