// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Gori
internal import Overlapped
internal import Wire

/// What a server says when it starts: the same lines for `serve` and `echo`, at most twelve.
enum StartupReport {
    static func print(
        _ server: RunningServer, _ configuration: ServerConfiguration, extra: [String] = [], isQuiet: Bool = false
    ) {
        if !isQuiet { log(server, configuration, extra) }
        for address in server.addresses { Output.line("listening \(address)") }
        Output.line("ready")
    }

    private static func log(_ server: RunningServer, _ configuration: ServerConfiguration, _ extra: [String]) {
        Output.log("gori \(Version.current), \(configuration.workers) worker\(configuration.workers == 1 ? "" : "s")")
        Output.log("completion port: \(server.selection.reason)")
        if server.selection.port == .uring { logFeatures(server) }
        let techniques = configuration.techniques.intersection(.known(to: server.selection.port))
        if !techniques.isEmpty { Output.log("techniques other than the default: \(techniques)") }
        Output.log(descriptorLine(configuration, isDirect: server.hasDirectDescriptors))
        if configuration.directDescriptors, !server.hasDirectDescriptors {
            Output.log("direct descriptors: not here, every session opens a file (gori doctor says why)")
        }
        for line in extra { Output.log(line) }
        let ceiling = (configuration.backlogLimit + configuration.framing.maximumPacketSize) / 1_024
        Output.log("memory ceiling per session: \(ceiling) KiB (backlog and one packet)")
        if configuration.addresses.isEmpty, server.addresses.first?.isIPv6 == false {
            Output.log("no IPv6 on this machine: listening on IPv4 only")
        }
    }

    private static func logFeatures(_ server: RunningServer) {
        let found = server.selection.features
        let features = found.subtracting(server.hasDirectDescriptors ? .registeredFiles : .directDescriptors)
        Output.log("kernel features used: \(features.isEmpty ? "none" : features.description)")
        let missing = UringFeatures.all.subtracting(found)
        if !missing.isEmpty { Output.log("kernel features missing or switched off: \(missing)") }
    }

    private static func descriptorLine(_ configuration: ServerConfiguration, isDirect: Bool) -> String {
        let limit = Sockets.raiseDescriptorLimit()
        if isDirect {
            return "open files: limit \(limit), \(min(limit, configuration.maximumSessions)) sessions in each of"
                + " \(configuration.workers) tables of direct descriptors"
        }
        let needed = configuration.maximumSessions + 64 * configuration.workers
        guard limit < needed else {
            return "open files: limit \(limit), enough for \(configuration.maximumSessions) sessions"
        }
        return "open files: limit \(limit) is below the \(needed) that \(configuration.maximumSessions) sessions need:"
            + " raise it with ulimit -n \(needed)"
    }
}
