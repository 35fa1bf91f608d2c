// SPDX-License-Identifier: Apache-2.0

/// The frames of a region, used again and again, never before all workers have settled them.
public struct FrameRing {
    /// Enough for output that is held back for up to four ticks, and as many again in flight.
    public static let size = 8
    /// A worker that settles nothing for this long is broken: its sends would read memory that nobody may reuse.
    public static let limit = 64

    private let region: Int
    private var frames: [Frame]
    private var settled: [UInt64]

    /// How many frames there are; `size` unless a worker was late to settle.
    public var count: Int { frames.count }

    /// Makes the frames for a number of workers, all of which must settle.
    ///
    /// - Parameter region: whose frames they are.
    public init(region: Int = 0, workers: Int) {
        precondition(workers >= 1, "frames are read by at least one worker")
        self.region = region
        frames = (0..<Self.size).map { _ in Frame(region: region) }
        settled = Array(repeating: 0, count: workers)
    }

    /// A worker no longer needs any frame up to `tick`.
    public mutating func settle(worker: Int, through tick: UInt64) {
        precondition(settled.indices.contains(worker), "a worker that the ring was not made for")
        settled[worker] = max(settled[worker], tick)
    }

    /// A frame to write tick `tick` into, empty.
    ///
    /// Where none is free another is made, since a late worker must not hold up a tick that its own next message
    /// depends on.
    public mutating func take(tick: UInt64) -> Frame {
        var free: UInt64 = .max
        for through in settled { free = min(free, through) }
        for frame in frames where frame.tick <= free {
            frame.begin(tick: tick)
            return frame
        }
        precondition(frames.count < Self.limit, "a worker settles nothing")
        let frame = Frame(region: region)
        frames.append(frame)
        frame.begin(tick: tick)
        return frame
    }
}
