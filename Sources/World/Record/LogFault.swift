// SPDX-License-Identifier: Apache-2.0

/// Why a file cannot be read as the log of a run.
public struct LogFault: Error, Hashable, CustomStringConvertible {
    /// What is wrong, and where.
    public let description: String

    init(_ description: String) { self.description = description }
}
