// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser

/// `gori serve`: the game server.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve the world.")
}
