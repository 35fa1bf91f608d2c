// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation

/// The command `gori`: flags to configuration to run, no logic of its own.
@main
struct GoriCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gori",
        abstract: "A game server over io_uring, and the tools to load and measure it.",
        discussion: "Example: gori serve --listen 127.0.0.1:7777",
        version: Version.current,
        subcommands: [
            Serve.self, ReplayCommand.self, BotsCommand.self, Echo.self, StudyCommand.self, DoctorCommand.self,
            StudyLoadCommand.self,
        ])

    /// One line for every failure: what was wrong and what was expected (exit 64), or what failed and the remedy
    /// (exit 1).
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as RunFailure {
            Output.error(failure.description)
            Foundation.exit(1)
        } catch {
            guard exitCode(for: error) != .success else {
                print(fullMessage(for: error))
                Foundation.exit(0)
            }
            if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
            Output.error(oneLine(message(for: error)) + " (see gori --help)")
            Foundation.exit(64)
        }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    }
}

/// A failure at run time, with its remedy.
struct RunFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
