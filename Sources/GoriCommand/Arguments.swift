// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Overlapped

/// How values of this project are written on a command line.
extension Endpoint: ExpressibleByArgument {
    /// Reads `host:port`, `[v6]:port` or `:port`.
    public init?(argument: String) { self.init(argument) }

    /// The addresses, which takes up to five seconds for a name.
    func resolved() throws -> [SocketAddress] {
        do {
            return try NameResolver().addresses(of: self)
        } catch {
            throw RunFailure("\(error)")
        }
    }
}

/// Ports are written by their names.
extension PortPreference: ExpressibleByArgument {}

/// A number with its range, so that a value outside is answered with what was expected.
func checkRange<Value: Comparable>(_ value: Value, _ range: ClosedRange<Value>, _ option: String) throws {
    guard range.contains(value) else {
        throw ValidationError("\(option) must be between \(range.lowerBound) and \(range.upperBound), not \(value)")
    }
}
