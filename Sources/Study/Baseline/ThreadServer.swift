// SPDX-License-Identifier: Apache-2.0

internal import CStudy
internal import Glibc
public import Overlapped

/// What an engine is compared with: an echo server with a thread for each connection, over blocking calls.
///
/// Nothing of the engine is in it: a connection's thread waits in recv(2), sends what came with send(2), and waits
/// again. Stacks are of 64 KiB, so that thousands of threads fit. It counts its system calls as the engine does, so
/// that both can be shown beside each other. A client that does not read keeps nobody waiting but itself, and in
/// broadcast its group.
public struct ThreadServer: ~Copyable {
    /// What comes back.
    public enum Mode: Sendable {
        /// Bytes as they came.
        case echo
        /// Whole packets: `u16 size, u16 type`, little-endian; a size below 4 ends the connection.
        case packet
        /// Each packet to all members of the sender's group.
        case broadcast
    }

    /// Seconds that connections may take to end.
    private static let farewell: Int32 = 5

    private let listener: Int32
    private let mode: Mode
    private let group: Int

    /// Where it listens, with the port that the kernel chose for port 0.
    public let address: SocketAddress

    /// Listens; accepts nothing before `run`.
    ///
    /// - Parameters:
    ///   - address: where.
    ///   - group: members of a group in broadcast, in order of arrival; 0: everybody.
    /// - Throws: `PortError`, as EADDRINUSE.
    public init(_ mode: Mode, group: Int, on address: SocketAddress) throws(PortError) {
        let descriptor = try Sockets.listen(on: address, sharesPort: false)
        guard let real = SocketAddress(localOf: descriptor) else {
            let error = PortError(call: "getsockname", code: errno)
            Sockets.close(descriptor)
            throw error
        }
        listener = descriptor
        self.address = real
        self.mode = mode
        self.group = group
    }

    /// Serves until SIGTERM or SIGINT. Called on the main thread, before any other thread is there that takes signals.
    ///
    /// - Parameters:
    ///   - ready: called when clients may come.
    ///   - report: called with what was counted, as JSON in the form of `docs/counters.md`, whenever SIGUSR1 comes.
    /// - Returns: the same when everybody has gone.
    /// - Throws: `PortError` when there is no thread to accept.
    public consuming func run(ready: () -> Void, report: (String) -> Void) throws(PortError) -> String {
        cs_threads_block_signals()
        _ = Sockets.raiseDescriptorLimit()
        guard let server = cs_threads_start(listener, Self.number(of: mode), Int32(clamping: group)) else {
            let error = PortError(call: "pthread_create", code: errno)
            Sockets.close(listener)
            throw error
        }
        ready()
        while cs_threads_wait_for_signal() == SIGUSR1 { report(Self.json(cs_threads_count(server))) }
        var counted = cs_thread_counters()
        _ = cs_threads_stop(server, Self.farewell, &counted)
        return Self.json(counted)
    }

    private static func number(of mode: Mode) -> cs_thread_mode {
        switch mode {
        case .echo: CS_THREAD_ECHO
        case .packet: CS_THREAD_PACKET
        case .broadcast: CS_THREAD_BROADCAST
        }
    }

    private static func json(_ counted: cs_thread_counters) -> String {
        let workers = [
            ("accepted", counted.accepted), ("sessions", counted.sessions), ("bytesReceived", counted.bytes_received),
            ("packets", counted.packets), ("sends", counted.sends), ("bytesSent", counted.bytes_sent),
        ].map { "\"\($0)\":\($1)" }.joined(separator: ",")
        return "{\"port\":{\"systemCalls\":\(counted.system_calls)},\"workers\":{\(workers)}}"
    }
}
