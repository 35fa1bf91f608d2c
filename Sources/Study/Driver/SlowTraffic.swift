// SPDX-License-Identifier: Apache-2.0

/// Echo on some connections, beside others that ask for as much as they may and read slowly. Messages and delays are
/// those of the former; of the latter every byte is compared, too, and none may be lost.
struct SlowTraffic: Traffic {
    var tally: Tally {
        get { active.tally }
        set { active.tally = newValue }
    }
    var isStopping: Bool {
        get { active.isStopping }
        set { active.isStopping = newValue }
    }
    /// Slow readers are never answered whole: they rest between slices with what is under way.
    var isSilent: Bool { active.isSilent }

    private var active: StreamTraffic
    private var readers: SlowReaders

    init(_ workload: Workload, port: UInt16) throws(LoadFault) {
        var others = workload
        others.connections = workload.active
        active = try StreamTraffic(others, port: port)
        readers = try SlowReaders(count: workload.slow ?? 0, port: port)
    }

    mutating func start() throws(LoadFault) { try active.start() }

    mutating func turn(waiting milliseconds: Int32) throws(LoadFault) {
        if !isStopping { try readers.step() }
        try active.turn(waiting: milliseconds)
    }
}
