// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation

/// `gori doctor`: what this machine allows, what a server would choose, and what to change.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this machine allows, which port a server takes and what to change.",
        discussion: """
            Example: gori doctor --workers 4 --maximum-sessions 50000 --json -

            Takes the options of serve that decide about it, and finds out by doing. Exit 0 when a server can run with \
            them, 1 when it cannot.
            """)

    @OptionGroup var options: EngineOptions

    @Option(help: "Write the report to this file as JSON; '-' is standard output, instead of the table.")
    var json: String?

    func run() throws {
        let report = DoctorReport(Examination(options).report())
        if json != "-" { Output.line(report.table) }
        if let json { try Output.write(report.json(), to: json) }
        if let obstacle = report.findings.obstacle { throw RunFailure("no server can run here: \(obstacle)") }
    }
}
