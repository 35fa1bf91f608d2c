// SPDX-License-Identifier: Apache-2.0

/// Plays a log again, on any number of regions, and compares what every session gets and every sector becomes with
/// what was written down.
///
/// It steps the workers (`TickWorker`) that serve, one after the other on the caller's thread.
public struct Replay: ~Copyable {
    private final class Peer {
        var worker: TickWorker
        init(_ worker: consuming TickWorker) { self.worker = worker }
    }

    private let log: RunLog
    /// As many as the log's, or one for each region.
    private var peers: [Peer] = []
    private var mail: [(message: TickMessage, from: Int, to: Int)] = []
    private var objects: Set<UInt32> = []
    /// How many regions there are.
    public let regions: Int
    /// How many ticks have been played.
    public private(set) var ticks: UInt64 = 0
    /// How many commands were in them.
    public private(set) var commands = 0
    /// How many outputs have been compared.
    public private(set) var outputs = 0
    /// How many states of sectors have been compared.
    public private(set) var sectors = 0

    private var outputNumbers: [LoggedNumber] = []
    private var sectorNumbers: [LoggedNumber] = []

    /// Makes the world of a log, before its first tick.
    ///
    /// - Throws: when the map has no room for so many regions.
    public init(_ log: RunLog, regions: Int) throws(LogFault) {
        let map = RegionMap(log.configuration, regions: regions)
        guard map.count == regions else {
            throw LogFault("this map has room for 1 to \(RegionMap.most(log.configuration)) regions, not \(regions)")
        }
        self.log = log
        self.regions = regions
        let workers = max(log.workers, regions)
        for index in 0..<workers {
            peers.append(
                Peer(
                    TickWorker(
                        index: index, workers: workers, map: map, configuration: log.configuration, capacity: 256)))
        }
    }

    /// Plays the ticks that are left, up to the first that differs.
    ///
    /// - Returns: where it differs; nil when everything is the same.
    public mutating func run() throws(LogFault) -> ReplayDifference? {
        while ticks < log.lastTick {
            if let difference = try playNext() { return difference }
        }
        return nil
    }

    private mutating func playNext() throws(LogFault) -> ReplayDifference? {
        let tick = ticks + 1
        for (worker, body) in log.commands(of: tick).enumerated() {
            guard let body else { continue }
            commands += try CommandReader.read(body, into: peers[worker].worker.open, objects: &objects)
        }
        outputNumbers.removeAll(keepingCapacity: true)
        sectorNumbers.removeAll(keepingCapacity: true)
        step(tick)
        ticks = tick
        let loggedOutputs = try LoggedNumber.read(log.outputs(of: tick), UInt64.self)
        outputs += loggedOutputs.count
        if let place = LoggedNumber.difference(loggedOutputs, outputNumbers) {
            return .output(tick: tick, session: place)
        }
        let loggedSectors = try LoggedNumber.read(log.sectors(of: tick), UInt32.self)
        sectors += loggedSectors.count
        if let place = LoggedNumber.difference(loggedSectors, sectorNumbers) {
            return .sector(tick: tick, Sector(rawValue: UInt32(truncatingIfNeeded: place)))
        }
        return nil
    }

    /// One tick of all workers.
    private mutating func step(_ tick: UInt64) {
        for index in peers.indices {
            peers[index].worker.close(settledThrough: tick - 1) { mail.append(($0, index, $1)) }
            advance(index)
        }
        var next = 0
        while next < mail.count {
            let (message, from, to) = mail[next]
            next += 1
            peers[to].worker.receive(message, from: from)
            advance(to)
        }
        mail.removeAll(keepingCapacity: true)
    }

    private mutating func advance(_ index: Int) {
        guard peers[index].worker.advance(now: 0, { mail.append(($0, index, $1)) }) else { return }
        peers[index].worker.deliver { session, own, shared in
            var digest = OutputDigest()
            digest.append(own)
            digest.append(shared)
            outputNumbers.append(LoggedNumber(place: session, number: digest.value))
        }
        peers[index].worker.forEachChangedSector {
            sectorNumbers.append(LoggedNumber(place: UInt64($0.rawValue), number: $1))
        }
    }
}

/// Where a replay first differs from its log.
public enum ReplayDifference: Hashable, Sendable {
    /// A session got other bytes, or one of both got none.
    case output(tick: UInt64, session: UInt64)
    /// A sector is in another state, or changed in one of both only.
    case sector(tick: UInt64, Sector)
}

/// A number that was written down, and what it is the number of.
struct LoggedNumber: Equatable {
    let place: UInt64
    let number: UInt64

    /// Lists of all workers or regions, as one.
    static func read<Place: FixedWidthInteger & BitwiseCopyable>(
        _ bodies: ArraySlice<UnsafeRawBufferPointer?>, _: Place.Type
    ) throws(LogFault) -> [LoggedNumber] {
        var numbers: [LoggedNumber] = []
        for body in bodies {
            guard let body else { continue }
            var cursor = LogCursor(body)
            guard let count = cursor.read(UInt32.self),
                cursor.remaining == Int(count) * (MemoryLayout<Place>.size + 8)
            else { throw LogFault("a list that cannot be") }
            while let place = cursor.read(Place.self), let number = cursor.read(UInt64.self) {
                numbers.append(LoggedNumber(place: UInt64(place), number: number))
            }
        }
        return numbers
    }

    /// The first place, by its number, at which two lists differ in any order of theirs.
    static func difference(_ left: [LoggedNumber], _ right: [LoggedNumber]) -> UInt64? {
        let left = left.sorted { $0.place < $1.place }
        let right = right.sorted { $0.place < $1.place }
        var index = 0
        while index < max(left.count, right.count) {
            let first = index < left.count ? left[index] : nil
            let second = index < right.count ? right[index] : nil
            if first != second { return min(first?.place ?? .max, second?.place ?? .max) }
            index += 1
        }
        return nil
    }
}
