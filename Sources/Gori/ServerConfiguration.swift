// SPDX-License-Identifier: Apache-2.0

public import Overlapped
public import Wire

/// Every limit of a server, with its default and its reason. All times are in milliseconds, all sizes in bytes.
public struct ServerConfiguration: Sendable {
    /// Where to listen. Empty: every interface, port 7777.
    public var addresses: [SocketAddress] = []
    /// Threads that serve, 1 to 64. The default is one for each core.
    public var workers = min(64, max(1, Sockets.processorCount))
    /// The header of packets and their largest size.
    public var framing = Framing()
    /// Whether hello, heartbeats and goodbye are spoken.
    public var sessionLayer = SessionLayer.none
    /// Sessions in all; whoever comes then is told `full`. Each costs about 400 bytes while it is idle.
    public var maximumSessions = 16_384
    /// Sessions of one address other than loopback; 0: unlimited. Keeps one host from taking every place.
    public var maximumSessionsPerAddress = 64
    /// Bytes that wait for a client which does not read; above it the session ends with `slowReader`.
    public var backlogLimit = 262_144
    /// Bytes of backlog above which a client is not read either, so that its own requests cannot make it grow.
    public var backlogHighWater = 65_536
    /// Bytes of backlogs, half-received packets and output that all sessions together may hold; above it those that
    /// hold the most end with `slowReader`. The default is a quarter of the memory; 0: no limit.
    public var memoryLimit = MachineMemory.bytes / 4
    /// A whole hello must have come by then; 0: never ends a session.
    public var helloTimeout = 5_000
    /// A quiet session is pinged after one heartbeat and ended after three; 0: no heartbeats.
    public var heartbeat = 10_000
    /// Without a session layer: a connection from which nothing has come for so long is closed; 0: never. Some kernels
    /// lose a peer's end of stream, so a server that runs for long wants a limit.
    public var idleTimeout = 0
    /// A packet once begun must be whole by then, or half-sent packets hold memory; 0: no limit.
    public var packetTimeout = 10_000
    /// What a closing session has for its last bytes.
    public var closeTimeout = 2_000
    /// What all sessions have when the server stops.
    public var drainTimeout = 5_000
    /// The slow part of a handler must have ended by then.
    public var slowPartTimeout = 5_000
    /// Slow parts under way on one worker; above it a packet that needs one is refused.
    public var maximumSlowParts = 1_024
    /// Invalid packets that a session may send in a minute.
    public var violationBudget = 8
    /// Which completion port serves; `PortSelection` decides.
    public var port = PortPreference.auto
    /// Features of newer kernels that are not to be used.
    public var disabledFeatures: UringFeatures = []
    /// Other ways to use the kernel than the default, for comparisons. Those of another port than the one that serves
    /// have no effect.
    public var techniques: PortTechniques = []
    /// Whether the sockets of sessions lie in the tables of the workers' rings instead of the process's own: then all
    /// workers together may have more sessions than the process may open files, though each alone may not, because the
    /// limit (`ulimit -n`) bounds its table. Without effect where io_uring does not serve or cannot do this.
    public var directDescriptors = false
    /// Processor time that one turn of a worker may use before it is named in the log (`Server.onLog`); 0: never.
    ///
    /// A handler that computes for so long keeps all sessions of its worker waiting. Counted in the thread's own time,
    /// so a busy machine names nobody. A turn of twice as much is surely named.
    public var stalledTurnCPU = 25
    /// Time by the clock that one turn of a worker may take before it is named, whoever used it; 0: never. A handler
    /// that waits for a lock, a file or the machine shows here.
    public var stalledTurnWall = 250
    /// What becomes of a server whose worker has died (its completion port is broken beyond repair).
    public var whenWorkerDies = WorkerDeathResponse.goOn
    /// Sessions to which a worker sends in one turn, at least 2; the others are sent to in the next turns, so that a
    /// crowd to be told never keeps it from receiving for longer than this takes. What lies in receive memory does not
    /// count: it cannot wait.
    @_spi(Measuring) public var flushSlice = 256
    /// Entries of the ring between two workers; a power of two.
    public var mailboxCapacity = 64

    /// The places in each worker's table of direct descriptors, once it is known that there is one.
    var tableCapacity: Int?

    /// Sessions that one worker has room for.
    var sessionsPerWorker: Int { min(maximumSessions, tableCapacity ?? maximumSessions) }

    /// What a peer may leave unacknowledged, in the kernel's hands: as long as it may be silent; 0: no limit.
    var sendTimeout: Int {
        if sessionLayer.served != nil { return 3 * max(0, heartbeat) }
        return max(0, idleTimeout)
    }

    /// The defaults.
    public init() {}
}

/// What a server does when one of its workers has died. The worker's sessions have ended either way, and a server
/// without any worker left stops.
public enum WorkerDeathResponse: Sendable, Hashable {
    /// The other workers go on; newcomers are served by them.
    case goOn
    /// The others drain and the server ends with the error, so that whoever started it starts it anew: for servers
    /// whose workers need each other.
    case stop
}
