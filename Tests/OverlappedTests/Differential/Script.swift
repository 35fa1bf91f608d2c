// SPDX-License-Identifier: Apache-2.0

/// What the peers of a differential run do, and when: drawn from a seed, the same for every port.
struct Script {
    /// How a stream ends, and who ends it.
    enum End: CaseIterable {
        /// The peer finishes, what it asked for is still sent, then the port's side ends in order.
        case peerFinishes
        /// The port's side ends in order, then the peer finishes.
        case serverFinishes
        /// The peer ends with a reset.
        case peerResets
        /// The port's side ends with a reset.
        case serverResets
        /// The port's side closes at once.
        case serverCloses
    }

    struct Stream {
        /// The pieces that the peer sends, in order.
        var pieces: [[UInt8]] = []
        /// Bytes of them that are sent back.
        var echoes = true
        /// Small socket buffers: sends are not taken whole.
        var isSmall = false
        /// The turns in which it is paused, and goes on.
        var pauses: [Int] = []
        var end = End.peerFinishes

        var sent: [UInt8] { pieces.flatMap { $0 } }
    }

    let seed: UInt64
    var streams: [Stream] = []
    /// Turns over which the pieces are spread.
    var turns = 0
    /// Who sends a piece in each turn; one who has none left sends nothing.
    var senders: [[Int]] = []

    init(seed: UInt64) {
        self.seed = seed
        var dice = Dice(seed: seed)
        let count = dice.within(1...8)
        turns = dice.within(2...12)
        let largest = [10, 300, 5_000, 70_000][dice.below(4)]
        for _ in 0..<count {
            var stream = Stream()
            stream.pieces = (0..<dice.below(8)).map { _ in dice.bytes(dice.within(1...largest)) }
            stream.echoes = dice.chance(70)
            stream.isSmall = dice.chance(20)
            stream.pauses = dice.chance(40) ? (0..<dice.within(1...4)).map { _ in dice.below(turns) }.sorted() : []
            stream.end = End.allCases[dice.below(End.allCases.count)]
            streams.append(stream)
        }
        for _ in 0..<turns {
            senders.append((0..<count).filter { _ in dice.chance(60) })
        }
    }
}

/// What can be seen of one stream from both its ends, when all is over.
struct Observation: Equatable {
    /// What the port delivered.
    var delivered: [UInt8] = []
    var finished = 0
    /// How often the port said that the stream is dead, and whether by a reset.
    var resets = 0
    var otherEnds: [Int32] = []
    var closed = 0
    /// What the peer received.
    var answer: [UInt8] = []
    /// How it ended for the peer: 0 an end of stream, else the errno.
    var peerEnd: Int32 = 0
}
