// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// The rest of a turn: new connections, what is due, and the flush.
extension LoadWorker where Port: ~Copyable {
    mutating func adopt() {
        if core.pointee.isStopping { connector.stop() }
        let (arrivals, isFinished) = connector.takeArrivals()
        for arrival in arrivals {
            switch arrival.outcome {
            case .success(let descriptor):
                core.pointee.connections[arrival.connection].phase = .open
                core.pointee.counters.connected += 1
                core.pointee.counters.open += 1
                port.associate(descriptor, key: key(arrival.connection))
                port.receive(key(arrival.connection))
                if core.pointee.isStopping {
                    core.pointee.finish(arrival.connection)
                } else {
                    scenario.connected(arrival.connection, context)
                }
            case .failure(let error): scenario.notConnected(arrival.connection, error, context)
            }
        }
        isConnecting = !isFinished
    }

    /// Calls for everything that is due, in the order of intended times.
    mutating func expire() {
        let elapsed = core.pointee.elapsed
        while let (connection, intended) = core.pointee.schedule.takeDue(at: elapsed) {
            switch core.pointee.connections[connection].phase {
            case .free, .closing: continue
            case .leaving, .finishing: close(connection)
            case .open:
                let lateness = elapsed &- min(intended, elapsed)
                if lateness > core.pointee.counters.worstLateness { core.pointee.counters.worstLateness = lateness }
                scenario.due(connection, intended: intended, context)
            }
        }
    }

    /// What was sent in the last turn and not `blocked` is the kernel's no more.
    mutating func settle() {
        for connection in unsettled {
            let record = core.pointee.connections + Int(connection)
            if !record.pointee.isBlocked { record.pointee.sending.release(to: &core.pointee.pool) }
        }
        unsettled.removeAll(keepingCapacity: true)
    }

    /// One send for each connection that has output.
    mutating func flush() {
        hasDeferred = false
        let count = core.pointee.dirty.count
        for position in 0..<count { flush(Int(core.pointee.dirty[position])) }
        core.pointee.dirty.removeFirst(count)
        hasDeferred = !core.pointee.dirty.isEmpty
    }

    private mutating func flush(_ connection: Int) {
        let record = core.pointee.connections + connection
        record.pointee.isDirty = false
        guard record.pointee.phase == .open || record.pointee.phase == .leaving, !record.pointee.isTracked
        else { return }
        if record.pointee.isBlocked {
            record.pointee.isBlocked = false
            record.pointee.isTracked = true
            let rest = UnsafeRawBufferPointer(rebasing: record.pointee.sending.bytes[Int(record.pointee.sent)...])
            return port.sendTracked(key(connection), rest)
        }
        if !record.pointee.output.isEmpty {
            swap(&record.pointee.output, &record.pointee.sending)
            unsettled.append(Int32(truncatingIfNeeded: connection))
            var part = IOVector(record.pointee.sending.bytes)
            withUnsafePointer(to: &part) {
                port.send(key(connection), UnsafeBufferPointer(start: $0, count: 1))
            }
            // The end of stream may follow only when the send is settled.
            if record.pointee.phase == .leaving { core.pointee.markDirty(connection) }
        } else if record.pointee.phase == .leaving {
            record.pointee.phase = .finishing
            port.finish(key(connection))
        }
    }
}
