// SPDX-License-Identifier: Apache-2.0

/// All that the world knows of an object: what crosses a border is exactly this.
public struct Entity: Sendable, BitwiseCopyable {
    /// Never reused within a run.
    public internal(set) var object: UInt32
    /// What it is.
    public internal(set) var kind: ObjectKind
    /// The column.
    public internal(set) var x: UInt16
    /// The row.
    public internal(set) var y: UInt16
    /// Who plays it.
    public internal(set) var session: UInt64
    /// Which character it is; storage's number.
    public internal(set) var character: UInt64
    /// World time in milliseconds from which the next step is on time.
    public internal(set) var nextMove: UInt64
    /// What its session is subscribed to from the next tick on.
    public internal(set) var subscription: SectorArea
    /// The tick in which it came to the sector where it is.
    public internal(set) var arrived: UInt64
    /// What stands above its head.
    public internal(set) var name: Name
    /// Its session's client does not read, so it is subscribed to nothing.
    public internal(set) var isHushed = false
}
