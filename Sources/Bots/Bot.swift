// SPDX-License-Identifier: Apache-2.0

internal import Load
internal import Wire
internal import World

/// One player as a pure state machine: packets in, findings and a reply out. It neither sends nor looks at a clock.
///
/// It believes nothing: what it expects follows from what it sent and from what it was told before, and every packet
/// is held against that. 80 bytes, the objects it knows and its unanswered moves apart.
struct Bot {
    enum Stage: UInt8 {
        case waiting
        case greeting
        case loggingIn
        case entering
        /// In the world, on its way to where the others are.
        case gathering
        case walking
        /// In the world and done with walking, until everybody has looked around.
        case standing
        /// Logout is sent; answers to moves may still come before its own.
        case leaving
        case left
    }

    /// What the requests of a session are numbered.
    enum Request {
        static let login: UInt32 = 1
        static let select: UInt32 = 2
        static let logout: UInt32 = 3
    }

    /// Milliseconds from move to move.
    static let movePeriod: UInt32 = 1_000
    /// The same on the way to a gathering: one tick of 50 ms more than `gori serve` asks for.
    static let gatherPeriod: UInt32 = 300

    let number: Int
    var stage = Stage.waiting
    /// The side of the square that it is always told of.
    var view: UInt8 = 0
    var random: SplitMix64
    var width: UInt16 = 0
    var height: UInt16 = 0
    var object: UInt32 = 0
    /// Where the server last said that it stands.
    var x: UInt16 = 0
    var y: UInt16 = 0
    /// Where it will stand when all moves under way are accepted.
    var targetX: UInt16 = 0
    var targetY: UInt16 = 0
    /// Intended time of the move with sequence 0, in milliseconds since the start of the run; it wraps around where a
    /// walk has begun anew.
    var firstMove: UInt32 = 0
    /// When a gathering has failed, in milliseconds since the start of the run.
    var gatherBy: UInt32 = 0
    /// Sequence of the oldest move that is not answered.
    var answered: UInt32 = 0
    var pending = PendingMoves()
    var known = ObjectTable()

    init(number: Int, seed: UInt64) {
        self.number = number
        random = SplitMix64(seed: seed, index: number)
    }

    /// The whole map.
    var map: Area { .map(width: width, height: height) }

    /// The square in the middle of the map in which everybody sees everybody.
    var hotspot: Area { .square(side: UInt16(view / 2) &+ 1, inMiddleOfWidth: width, height: height) }

    /// The next move of a walk: a random neighbouring tile in an area.
    mutating func step(within area: Area) -> Move {
        move(to: Walk.neighbour(ofX: targetX, y: targetY, within: area, &random))
    }

    /// The next move towards an area, due at `intended`; nil while one is under way.
    mutating func step(towards area: Area, at intended: UInt32) -> Move? {
        guard pending.count == 0 else { return nil }
        beginWalk(at: intended)
        return move(to: Walk.nearer(toArea: area, x: targetX, y: targetY))
    }

    /// The next move is due at `intended`, and those after it a period apart. No move may be under way.
    mutating func beginWalk(at intended: UInt32) { firstMove = intended &- answered &* Self.movePeriod }

    private mutating func move(to tile: (x: UInt16, y: UInt16)) -> Move {
        let sequence = answered &+ pending.count
        (targetX, targetY) = tile
        pending.append(x: targetX, y: targetY)
        return Move(sequence: sequence, clientTime: clientTime(of: sequence), x: targetX, y: targetY)
    }

    /// The intended time of a move in microseconds since the start of the run.
    func clientTime(of sequence: UInt32) -> UInt64 {
        UInt64(firstMove &+ sequence &* Self.movePeriod) &* 1_000
    }

    /// The session is over, whoever ended it: what is unanswered is lost.
    mutating func end(_ record: inout BotsRecord) {
        guard stage != .left else { return }
        for index in 0..<pending.count {
            record.checks.fail(.movesAnswered, bot: number, packet: "move", "\(answered &+ index) was not answered")
        }
        record.lost &+= UInt64(pending.count)
        stage = .left
        pending.release()
        known.release()
    }

    // MARK: Packets

    /// Takes a packet.
    ///
    /// - Parameter now: microseconds since the start of the run.
    @inline(__always)
    mutating func receive(
        _ type: PacketType, _ body: RawSpan, now: @autoclosure () -> UInt64, _ record: inout BotsRecord
    ) -> BotReply {
        do throws(DecodeError) {
            switch type {
            case MoveObject.type: objectMoved(try MoveObject.decode(body), &record)
            case MoveResult.type: return moveAnswered(try MoveResult.decode(body), now: now(), &record)
            case AddObject.type: objectAdded(try AddObject.decode(body), &record)
            case RemoveObject.type: objectRemoved(try RemoveObject.decode(body), &record)
            case ChatMessage.type: objectSpoke(try ChatMessage.decode(body), &record)
            case Ping.type: return .pong(token: try Ping.decode(body).token)
            default: return try receiveSeldom(type, body, &record)
            }
        } catch {
            record.checks.fail(
                .packetForm, bot: number, packet: "body",
                "\(error) in \(body.byteCount) bytes of packet type \(type)")
        }
        return .none
    }

    /// Whether a packet of the world may come now.
    @inline(__always)
    func isInWorld(_ packet: StaticString, _ record: inout BotsRecord) -> Bool {
        let isRight = stage.isInWorld
        record.checks.expect(.packetState, isRight, bot: number, packet: packet, "it came while \(stage)")
        return isRight
    }
}

extension Bot.Stage {
    /// Connected, and not where it plays yet.
    var isComing: Bool { self != .waiting && rawValue < Self.walking.rawValue }

    /// Packets of the world may come.
    @inline(__always) var isInWorld: Bool {
        rawValue >= Self.gathering.rawValue && rawValue <= Self.leaving.rawValue
    }
}
