// SPDX-License-Identifier: Apache-2.0

/// A closed loop of messages that one thread keeps going: every answer is checked and starts the next message.
protocol Traffic {
    var tally: Tally { get set }
    /// Answers start nothing any more.
    var isStopping: Bool { get set }
    /// Nothing is under way.
    var isSilent: Bool { get }

    /// Puts everything under way.
    mutating func start() throws(LoadFault)

    /// Takes what has come; waits for it at most so long.
    mutating func turn(waiting milliseconds: Int32) throws(LoadFault)
}
