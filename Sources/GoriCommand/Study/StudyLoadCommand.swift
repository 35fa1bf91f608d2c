// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Study

/// `gori study-load`: the load process of `gori study`, which alone starts it.
struct StudyLoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study-load", abstract: "The load process of 'gori study'.", shouldDisplay: false)

    @Argument(help: "What to do, as gori study says it.")
    var order: String

    func run() throws {
        do {
            try LoadProcess.run(order: order)
        } catch {
            throw RunFailure("\(error)")
        }
    }
}
