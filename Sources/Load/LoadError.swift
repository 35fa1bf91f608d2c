// SPDX-License-Identifier: Apache-2.0

public import Overlapped

/// Why a load could not be put on: what stops the whole run. What happens to one connection is told to the scenario.
public enum LoadError: Error, Sendable, CustomStringConvertible {
    /// Not even the first connection came about.
    case cannotConnect(PortError)
    /// The completion port cannot be made or cannot go on.
    case port(PortError)

    /// One line: what failed, why, and the remedy where one is known.
    public var description: String {
        switch self {
        case .cannotConnect(let error), .port(let error): error.description
        }
    }
}
