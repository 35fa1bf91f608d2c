// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The side of a session's worker: keeps what its sessions are subscribed to and says, for every tick, what each gets.
///
/// Nothing is looked up by session and sector. Sessions with the same subscription form a *cohort*: with a view of
/// 7 tiles those are the players in one sector. A block goes from its sector to the cohorts that contain the sector,
/// and a cohort's list of bytes is made once for all its members. So a tick costs
///
///     changed blocks × cohorts around them  +  sessions that get something
///
/// and a thousand players in one square cost a thousand deliveries and nine lists, where sessions × sectors would be
/// nine thousand look-ups; ten thousand players far apart cost no more than the 250 who moved.
///
/// What is ambient (`Block.Urgency`) a session gets every fourth tick, each session in the ticks of its number; or
/// sooner, with anything prompt. It is handed out before what is prompt, tick by tick, so nothing comes out of order;
/// and before a change of the subscription, so a view that is told privately starts from what the client knows.
///
/// ```swift
/// audience.begin(frame)                                   // once for the frame of every region
/// audience.deliver { session, privates, blocks in … }     // privates first, then blocks
/// ```
public struct Audience: ~Copyable {
    /// The most ticks from what is ambient to the output that has it, that of its own tick included.
    public static let longestWait: UInt64 = 4

    /// The worker whose sessions these are: the highest eight bits of a session's number.
    public let worker: UInt8

    let map: RegionMap
    var frames: [Frame] = []
    /// Counts deliveries, so that marks of earlier ones need not be wiped.
    var round: UInt64 = 0

    var members: MemberTable
    var cohorts: CohortTable
    var pieces = PieceList(capacity: 4_096)
    /// Of the last deliveries, each in the place of its number.
    var held = InlineArray<4, Held> { _ in Held() }
    var touchedCohorts = Column<UInt32>(capacity: 1_024)
    var toldMembers = Column<UInt32>(capacity: 1_024)
    var ordered = Column<OrderedBlock>(capacity: 16)
    var orderScratch = Column<OrderedBlock>(capacity: 16)
    var privateBuffer = Column<UnsafeRawBufferPointer>(capacity: 64)
    var blockBuffer = Column<UnsafeRawBufferPointer>(capacity: 64)
    /// What `blockBuffer` was made for.
    var prepared = Prepared()

    /// Makes the audience of one worker, without sessions.
    ///
    /// - Parameters:
    ///   - configuration: the world's.
    ///   - map: who owns what; the whole map is one region if none is given.
    ///   - capacity: sessions for which memory is taken at once; more are served by growing.
    public init(
        worker: UInt8, configuration: WorldConfiguration, map: RegionMap? = nil, capacity: Int = 16_384
    ) {
        self.worker = worker
        self.map = map ?? RegionMap(configuration)
        members = MemberTable(capacity: capacity)
        cohorts = CohortTable(grid: SectorGrid(configuration), capacity: capacity)
        frames.reserveCapacity(16)
    }

    /// How many sessions are subscribed to anything.
    public var count: Int { members.count }

    /// What a session is subscribed to from the next delivery on; nil when it is not in the world.
    public func subscription(of session: UInt64) -> SectorArea? {
        let member = members.find(session)
        return member == MemberTable.none ? nil : cohorts.area(of: members[member].cohort)
    }

    /// The region that owns a session's player from the next tick on; nil when it is not in the world.
    public func home(of session: UInt64) -> Int? {
        let member = members.find(session)
        return member == MemberTable.none ? nil : Int(members[member].home)
    }

    /// Takes the frame of a region for the delivery to come. Frames are taken in the order of the regions.
    public mutating func begin(_ frame: Frame) {
        precondition(frames.first.map { $0.tick == frame.tick } ?? true, "frames of two ticks in one delivery")
        frames.append(frame)
    }
}

/// For whom a list of blocks was made: for all members of a cohort who have the ambient blocks up to a delivery.
struct Prepared: BitwiseCopyable, Equatable {
    var cohort = CohortTable.none
    var through: UInt64 = 0
    var round: UInt64 = 0
}

/// A block's place among the blocks of all frames of a tick.
struct OrderedBlock: BitwiseCopyable {
    let key: UInt64
    let frame: UInt32
    let index: UInt32
}
