// SPDX-License-Identifier: Apache-2.0

public import Overlapped
public import Wire

/// A server: routes and hooks are registered, then it runs.
///
/// `State` is the application's own, one value for each worker, made on the worker's thread and handed `inout` to every
/// handler there; what spans workers is a `Group` or a message. Handlers are synchronous and must not block. The
/// engine never calls one handler from inside another.
///
/// ```swift
/// let server = Server(state: { _ in Lobby() })
/// server.on(Say.self) { say, session, lobby in session.publish(say, to: lobby.room) }
/// try server.run()
/// ```
public final class Server<State: ~Copyable> {
    @usableFromInline let definition: ServerDefinition

    /// Makes a server that does nothing yet.
    ///
    /// - Parameters:
    ///   - configuration: limits and addresses.
    ///   - state: makes a worker's state; called once for each, on its thread's behalf before it starts.
    @inlinable
    public init(_ configuration: ServerConfiguration = ServerConfiguration(), state: @escaping @Sendable (Int) -> State)
    {
        definition = ServerDefinition(
            configuration: configuration,
            makeState: { worker in
                let memory = UnsafeMutablePointer<State>.allocate(capacity: 1)
                memory.initialize(to: state(worker))
                return UnsafeMutableRawPointer(memory)
            },
            destroyState: { pointer in
                let memory = pointer.assumingMemoryBound(to: State.self)
                memory.deinitialize(count: 1)
                memory.deallocate()
            })
    }

    // MARK: Packets

    /// Handles a packet type.
    ///
    /// A packet that does not decode, is too short or too long, or comes in another stage is a violation of its sender
    /// and never reaches the handler.
    /// - Parameter stages: where the packet is legal; every stage if none is given.
    @inlinable
    public func on<P: Packet>(
        _: P.Type, in stages: SessionStage..., handler: @escaping @Sendable (P, Session, inout State) -> Void
    ) {
        let mask = stages.isEmpty ? UInt8.max : stages.reduce(0) { $0 | $1.mask }
        definition.addRoute(
            P.type,
            Route(body: P.bodySize, stages: mask) { (body, session, state) throws(DecodeError) in
                let packet = try P.decode(body)
                handler(packet, session, &state.assumingMemoryBound(to: State.self).pointee)
            })
    }

    /// Handles a packet type in two parts: a slow one that may suspend, and a quick one with session and state.
    ///
    /// The slow part gets the packet and the session's id and runs on the worker's thread between its suspensions;
    /// nothing in it may block. Until it has ended, the session's later packets wait. The second part does not run if
    /// the session has ended; a slow part that throws ends it with `failed`, one that takes too long with
    /// `handlerTimedOut`.
    /// - Parameter busy: answers instead when too many slow parts run already; without it the session ends as `full`.
    @inlinable
    public func on<P: Packet, Result: Sendable>(
        _: P.Type, in stages: SessionStage...,
        async slow: @escaping @Sendable (P, SessionID) async throws -> Result,
        busy: (@Sendable (P, Session, inout State) -> Void)? = nil,
        then handler: @escaping @Sendable (Result, Session, inout State) -> Void
    ) {
        let mask = stages.isEmpty ? UInt8.max : stages.reduce(0) { $0 | $1.mask }
        definition.addRoute(
            P.type,
            Route(body: P.bodySize, stages: mask) { (body, session, state) throws(DecodeError) in
                let packet = try P.decode(body)
                let id = session.id
                let hasStarted = session.start(
                    with: State.self, async: { try await slow(packet, id) }, then: handler)
                guard !hasStarted else { return }
                guard let busy else { return session.end(.full) }
                busy(packet, session, &state.assumingMemoryBound(to: State.self).pointee)
            })
    }

    /// Takes every packet, whatever its type, whole with its header: instead of routes.
    @inlinable
    public func onAnyPacket(_ handler: @escaping @Sendable (RawSpan, Session, inout State) -> Void) {
        definition.takesAnyPacket = true
        definition.onAnyPacket = { packet, session, state in
            handler(packet, session, &state.assumingMemoryBound(to: State.self).pointee)
        }
    }

    /// Takes the bytes of the stream as they come, in pieces of any size: there are no packets.
    @inlinable
    public func onBytes(_ handler: @escaping @Sendable (RawSpan, Session, inout State) -> Void) {
        definition.takesBytes = true
        definition.onBytes = { bytes, session, state in
            handler(bytes, session, &state.assumingMemoryBound(to: State.self).pointee)
        }
    }

    // MARK: Hooks

    /// Called when a session may be used: after its hello, or when it is accepted if there is no session layer.
    @inlinable
    public func onOpen(_ hook: @escaping @Sendable (Session, inout State) -> Void) {
        definition.onOpen = { session, state in hook(session, &state.assumingMemoryBound(to: State.self).pointee) }
    }

    /// Called once for every session that was opened, when it ends.
    @inlinable
    public func onClose(_ hook: @escaping @Sendable (SessionID, EndReason, inout State) -> Void) {
        definition.onClose = { id, reason, state in
            hook(id, reason, &state.assumingMemoryBound(to: State.self).pointee)
        }
    }

    /// Called when the time set with `Session.setTimer` has come.
    @inlinable
    public func onTimer(_ hook: @escaping @Sendable (Session, inout State) -> Void) {
        definition.onTimer = { session, state in hook(session, &state.assumingMemoryBound(to: State.self).pointee) }
    }

    /// Called on every worker once in each period. A late call moves the schedule; none is caught up.
    @inlinable
    public func every(milliseconds: Int, _ hook: @escaping @Sendable (WorkerContext, inout State) -> Void) {
        definition.addPeriodic(milliseconds: milliseconds) { worker, state in
            hook(worker, &state.assumingMemoryBound(to: State.self).pointee)
        }
    }

    /// Called on every worker in each of its turns, after packets, mail and timers and before the flush.
    @inlinable
    public func onTurn(_ hook: @escaping @Sendable (WorkerContext, inout State) -> Void) {
        definition.followsTurns = true
        definition.onTurn = { worker, state in hook(worker, &state.assumingMemoryBound(to: State.self).pointee) }
    }

    /// Takes the batches that other workers post (`WorkerContext.post`), with their tag and the worker they are from.
    @inlinable
    public func onMessage(
        _ hook: @escaping @Sendable (UInt32, UnsafeMutableRawPointer, Int, WorkerContext, inout State) -> Void
    ) {
        definition.onMessage = { tag, batch, from, worker, state in
            hook(tag, batch, from, worker, &state.assumingMemoryBound(to: State.self).pointee)
        }
    }

    /// Decides about each new connection, on the accepting worker's thread; it must be quick.
    public func acceptPolicy(_ policy: @escaping @Sendable (SocketAddress) -> AcceptDecision) {
        definition.acceptPolicy = policy
    }

    /// Takes lines of log, from any thread: a worker that stalls or dies, a listener that pauses.
    public func onLog(_ log: @escaping @Sendable (String) -> Void) { definition.log = log }

    // MARK: Running

    /// Starts the workers and returns.
    ///
    /// - Throws: `PortError`: io_uring denied, port in use, address unknown.
    public func start() throws(PortError) -> RunningServer { try RunningServer(definition) }

    /// Starts, and serves until SIGINT or SIGTERM; then drains and returns. Called on the main thread.
    ///
    /// - Parameters:
    ///   - ready: called once when every worker accepts.
    ///   - report: called when SIGUSR1 comes, as to print the counters.
    ///   - ended: called once when every worker has ended.
    /// - Throws: `PortError` as `start`, or what broke when the server has stopped by itself
    ///   (`ServerConfiguration.whenWorkerDies`).
    public func run(
        ready: (RunningServer) -> Void = { _ in }, report: (RunningServer) -> Void = { _ in },
        ended: (RunningServer) -> Void = { _ in }
    ) throws(PortError) {
        let signals = TerminationSignals()
        let server = try start()
        server.whenStopping { signals.interrupt() }
        ready(server)
        signals.wait { report(server) }
        server.stop()
        server.join()
        ended(server)
        if let failure = server.failure { throw failure }
    }
}
