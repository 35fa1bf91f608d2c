// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// `gori bots`: players from another process.
struct BotsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bots", abstract: "Play with thousands of bots.")
}
