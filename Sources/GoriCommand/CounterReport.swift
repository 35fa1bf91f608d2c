// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Gori

/// What a server has counted, as one line of JSON: on standard error when SIGUSR1 comes, in a file at the end.
enum CounterReport {
    static func log(_ server: RunningServer) { Output.log(server.counters.json) }

    static func write(_ server: RunningServer, to path: String?) {
        guard let path else { return }
        do {
            try Data((server.counters.json + "\n").utf8).write(to: URL(filePath: path))
        } catch {
            Output.error("cannot write \(path): \(error.localizedDescription); give another --counters")
        }
    }
}
