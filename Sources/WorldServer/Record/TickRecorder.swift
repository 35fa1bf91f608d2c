// SPDX-License-Identifier: Apache-2.0

internal import World

/// One worker's part in a recording: what was asked of it in a tick, what its sessions got, what its region became.
struct TickRecorder: ~Copyable {
    private let recorder: Recorder
    private let worker: Int
    private let hasRegion: Bool
    /// Of the tick that has been closed and not delivered; nil when the log has ended.
    private var buffer: LogBuffer?

    init(_ recorder: Recorder, worker: Int, hasRegion: Bool) {
        self.recorder = recorder
        self.worker = worker
        self.hasRegion = hasRegion
    }

    /// The open tick is about to be closed.
    mutating func close(_ open: CommandBatch, tick: UInt64) {
        buffer = recorder.take()
        buffer?.append(commands: open, tick: tick)
    }

    /// A tick is about to be delivered.
    func begin(tick: UInt64) { buffer?.beginOutputs(tick: tick, worker: worker) }

    /// A session gets this.
    func add(_ session: UInt64, _ own: Span<UnsafeRawBufferPointer>, _ shared: Span<UnsafeRawBufferPointer>) {
        guard let buffer else { return }
        var digest = OutputDigest()
        digest.append(own)
        digest.append(shared)
        buffer.append(session: session, digest: digest.value)
    }

    /// A tick has been delivered.
    ///
    /// - Returns: whether it will be written.
    mutating func end(tick: UInt64, _ ticks: inout TickWorker) -> Bool {
        guard let buffer else { return false }
        buffer.endList()
        if hasRegion {
            buffer.beginSectors(tick: tick, region: worker)
            ticks.forEachChangedSector { buffer.append(sector: $0, hash: $1) }
            buffer.endList()
        }
        self.buffer = nil
        return recorder.give(buffer)
    }
}
