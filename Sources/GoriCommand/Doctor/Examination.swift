// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Gori
internal import Overlapped

/// Finds out by doing what a server with these options would meet here.
struct Examination {
    private let configuration: ServerConfiguration
    private let surroundings = UringSurroundings.here()

    init(_ options: EngineOptions) {
        var configuration = ServerConfiguration()
        options.apply(to: &configuration)
        self.configuration = configuration
    }

    /// Everything, with what weighs most first.
    func report() -> Findings {
        let (selection, obstacle) = choose()
        let limits = LimitTable(configuration, surroundings, outcome: selection).rows()
        var findings = Findings(
            gori: Version.current, kernel: kernel, processors: Sockets.processorCount,
            container: Container.name, asked: configuration.port.rawValue, port: selection?.port.rawValue,
            reason: selection?.reason ?? "none", refusal: nil,
            features: FeatureTable.rows(
                port: selection?.port, found: selection?.features ?? [], disabled: configuration.disabledFeatures,
                isDirect: configuration.directDescriptors),
            limits: limits, advice: [], obstacle: obstacle, canRun: obstacle == nil)
        if let refusal = selection?.refusal {
            findings.refusal = Findings.Refusal(
                cause: refusal.cause.rawValue, call: refusal.call, errno: refusal.code,
                error: String(cString: strerror(refusal.code)), text: refusal.text, remedy: refusal.remedy)
            findings.advice.append("to use io_uring, \(refusal.remedy)")
            if refusal.cause == .seccomp { findings.advice += Container.seccompHints }
        }
        findings.advice += limits.compactMap { limit in limit.fix.map { "\(limit.name): \($0)" } }
        if let share = Container.processorShare, share < configuration.workers {
            findings.advice.append(
                "the control group allows \(share) of \(Sockets.processorCount) processors: serve with"
                    + " --workers \(share)")
        }
        return findings
    }

    private var kernel: Findings.Kernel {
        Findings.Kernel(
            release: surroundings.kernelRelease, machine: Container.machine,
            ioUringDisabled: surroundings.disabledLevel, seccompFilter: surroundings.hasSeccompFilter)
    }

    /// What a server would take, having made what its workers need; or why it cannot start.
    private func choose() -> (PortSelection?, obstacle: String?) {
        do throws(PortError) {
            var selection = try PortSelection.select(configuration.port, disabled: configuration.disabledFeatures)
            if selection.port == .uring {
                do throws(PortError) {
                    try Self.holdRings(configuration.workers, selection.features)
                } catch {
                    selection = try selection.fallingBack(after: error)
                }
            }
            if selection.port == .epoll { try Self.holdPolls(configuration.workers) }
            return (selection, nil)
        } catch {
            return (nil, "\(error)")
        }
    }

    /// Makes so many rings and holds all of them at once: the limit of locked memory counts their sum.
    private static func holdRings(_ count: Int, _ features: UringFeatures) throws(PortError) {
        guard count > 0 else { return }
        let port = try UringPort(capacity: 1, features: features)
        try holdListener { () throws(PortError) in try holdRings(count - 1, features) }
        _ = port.counters
    }

    private static func holdPolls(_ count: Int) throws(PortError) {
        guard count > 0 else { return }
        let port = try EpollPort(capacity: 1)
        try holdListener { () throws(PortError) in try holdPolls(count - 1) }
        _ = port.counters
    }

    /// A worker listens: its descriptor counts as well.
    private static func holdListener(_ body: () throws(PortError) -> Void) throws(PortError) {
        let anyPort = SocketAddress("127.0.0.1:0") ?? .anyIPv4(port: 0)
        let listener = try Sockets.listen(on: anyPort, sharesPort: true)
        defer { Sockets.close(listener) }
        try body()
    }
}
