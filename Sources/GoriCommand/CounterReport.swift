// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Gori

/// What a server has counted, as one line of JSON: on standard error when SIGUSR1 comes, in a file at the end.
enum CounterReport {
    /// - Parameter world: counts of the world, as JSON, where there is one.
    static func log(_ server: RunningServer, world: String? = nil) { Output.log(json(server, world)) }

    static func write(_ server: RunningServer, world: String? = nil, to path: String?) {
        guard let path else { return }
        do {
            try Data((json(server, world) + "\n").utf8).write(to: URL(filePath: path))
        } catch {
            Output.error("cannot write \(path): \(error.localizedDescription); give another --counters")
        }
    }

    /// `{"port":{…},"workers":{…},"world":[…]}`.
    private static func json(_ server: RunningServer, _ world: String?) -> String {
        let counters = server.counters.json
        return world.map { "\(counters.dropLast()),\"world\":\($0)}" } ?? counters
    }
}
