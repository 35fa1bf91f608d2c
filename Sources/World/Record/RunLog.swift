// SPDX-License-Identifier: Apache-2.0

/// A log that was read: the rules of its run, and where in the file each tick lies.
///
/// Any bytes can be read: what is not a log, is damaged, or says what cannot be is a `LogFault`. A file that ends in
/// the middle, as after a crash, is good as far as its ticks are whole.
public struct RunLog {
    /// How the file ends.
    public enum Ending: Hashable, Sendable {
        /// As its writer meant it.
        case end(LogEnd)
        /// In the middle of what follows this byte: whoever wrote it was ended.
        case cut(offset: Int)
    }

    /// The rules.
    public let configuration: WorldConfiguration
    /// How many workers wrote down what was asked of them, 1 to 256.
    public let workers: Int
    /// How many regions wrote down their sectors.
    public let regions: Int
    /// The last tick of which everything is there; 0 if there is none. They begin with 1.
    public private(set) var lastTick: UInt64 = 0
    /// How the file ends.
    public private(set) var ending = Ending.cut(offset: 0)

    private var commands: [UnsafeRawBufferPointer?] = []
    private var outputs: [UnsafeRawBufferPointer?] = []
    private var sectors: [UnsafeRawBufferPointer?] = []

    /// Workers are at most one tick apart.
    private static let largestLead: UInt64 = 2

    /// Reads a log.
    ///
    /// - Parameter bytes: of the file; they must stay as they are as long as the log is used.
    public init(_ bytes: UnsafeRawBufferPointer) throws(LogFault) {
        var cursor = LogCursor(bytes)
        let magic = LogFormat.magic
        let expected = UnsafeRawBufferPointer(start: magic.utf8Start, count: magic.utf8CodeUnitCount)
        guard let start = cursor.read(count: expected.count), start.elementsEqual(expected) else {
            throw LogFault("this is no log of a run: it does not begin with GoriRun")
        }
        guard let version = cursor.read(UInt32.self) else { throw LogFault("the log is cut off in its first line") }
        guard version == LogFormat.version else {
            throw LogFault("the log is of version \(version), this program reads version \(LogFormat.version)")
        }
        guard let (kind, body) = try Self.chunk(&cursor), kind == .configuration else {
            throw LogFault("the log is cut off before it says which world it is of")
        }
        let header = try LogHeader(body)
        configuration = header.configuration
        workers = header.workers
        regions = header.regions
        try readChunks(&cursor)
        findLastTick()
    }

    /// The bodies, after tick and part, of everything that was written down of a tick.
    ///
    /// - Precondition: `tick` is one of `1...lastTick`.
    func commands(of tick: UInt64) -> ArraySlice<UnsafeRawBufferPointer?> { Self.slice(commands, workers, tick) }
    func outputs(of tick: UInt64) -> ArraySlice<UnsafeRawBufferPointer?> { Self.slice(outputs, workers, tick) }
    func sectors(of tick: UInt64) -> ArraySlice<UnsafeRawBufferPointer?> { Self.slice(sectors, regions, tick) }

    private static func slice<Element>(_ list: [Element], _ width: Int, _ tick: UInt64) -> ArraySlice<Element> {
        let start = Int(tick - 1) * width
        return list[start..<(start + width)]
    }

    private mutating func readChunks(_ cursor: inout LogCursor) throws(LogFault) {
        while true {
            let start = cursor.offset
            guard let (kind, body) = try Self.chunk(&cursor) else {
                ending = .cut(offset: start)
                return
            }
            switch kind {
            case .configuration: throw LogFault("the log says twice which world it is of, at byte \(start)")
            case .commands: try keep(body, at: start, in: &commands, workers)
            case .outputs: try keep(body, at: start, in: &outputs, workers)
            case .sectors: try keep(body, at: start, in: &sectors, regions)
            case .end:
                guard body.count == 1, let end = body.first.flatMap(LogEnd.init(rawValue:)), cursor.isAtEnd else {
                    throw LogFault("the log goes on after its end, at byte \(start)")
                }
                ending = .end(end)
                return
            }
        }
    }

    /// The next chunk; nil where the file ends before the chunk does.
    private static func chunk(
        _ cursor: inout LogCursor
    ) throws(LogFault) -> (LogFormat.Kind, UnsafeRawBufferPointer)? {
        let start = cursor.offset
        guard let length = cursor.read(UInt32.self),
            let content = cursor.read(count: Int(length) + 1), let check = cursor.read(UInt64.self)
        else { return nil }
        var digest = OutputDigest()
        digest.append(content)
        guard digest.value == check, let kind = content.first.flatMap(LogFormat.Kind.init(rawValue:)) else {
            throw LogFault("the log is damaged at byte \(start)")
        }
        return (kind, UnsafeRawBufferPointer(rebasing: content[1...]))
    }

    private func keep(
        _ body: UnsafeRawBufferPointer, at offset: Int, in list: inout [UnsafeRawBufferPointer?], _ width: Int
    ) throws(LogFault) {
        var cursor = LogCursor(body)
        guard let tick = cursor.read(UInt64.self), let part = cursor.read(UInt16.self), Int(part) < width,
            tick >= 1, tick <= UInt64(list.count / width) + Self.largestLead
        else { throw LogFault("the log is of a tick or worker that cannot be, at byte \(offset)") }
        while list.count < Int(tick) * width { list.append(contentsOf: repeatElement(nil, count: width)) }
        let place = Int(tick - 1) * width + Int(part)
        guard list[place] == nil else { throw LogFault("the log says something twice, at byte \(offset)") }
        list[place] = cursor.read(count: cursor.remaining)
    }

    private mutating func findLastTick() {
        let ticks = min(commands.count / workers, min(outputs.count / workers, sectors.count / regions))
        for tick in 1..<UInt64(ticks + 1) {
            let isWhole =
                !commands(of: tick).contains { $0 == nil } && !outputs(of: tick).contains { $0 == nil }
                && !sectors(of: tick).contains { $0 == nil }
            guard isWhole else { return }
            lastTick = tick
        }
    }
}

/// The rules of a run as a log says them.
private struct LogHeader {
    let configuration: WorldConfiguration
    let workers: Int
    let regions: Int

    init(_ body: UnsafeRawBufferPointer) throws(LogFault) {
        var cursor = LogCursor(body)
        var numbers: [Int] = []
        for _ in 0..<7 { numbers.append(Int(cursor.read(UInt16.self) ?? 0)) }
        guard let seed = cursor.read(UInt64.self), let area = cursor.read(UInt32.self),
            let monsters = cursor.read(UInt32.self), cursor.isAtEnd, Int(monsters) <= Monsters.most,
            (1...256).contains(numbers[0]), (1...numbers[0]).contains(numbers[1]), numbers[2] >= 1, numbers[3] >= 1,
            (1...255).contains(numbers[4]), (20...100).contains(numbers[5]), numbers[6] <= 60_000
        else { throw LogFault("the log is of a world that cannot be") }
        workers = numbers[0]
        regions = numbers[1]
        configuration = WorldConfiguration(
            width: numbers[2], height: numbers[3], viewRadius: numbers[4], tickMilliseconds: numbers[5],
            moveIntervalMilliseconds: numbers[6], seed: seed, spawnArea: area == 0 ? nil : Int(area),
            monsters: Int(monsters))
    }
}
