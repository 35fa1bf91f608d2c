// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Asks somebody for the addresses of a name. May block for as long as it likes: `NameResolver` has it do so on a
/// thread of its own.
public protocol NameSource: Sendable {
    /// The addresses of a host, best first; a failure says why in a few words.
    func addresses(of host: String) -> Result<[SocketAddress], NameFailure>
}

/// Why a name has no address.
public struct NameFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// In a few words.
    public let description: String

    /// Says why.
    public init(_ description: String) { self.description = description }
}

/// The system's resolver, getaddrinfo(3): /etc/hosts, DNS, whatever nsswitch.conf says.
public struct SystemNames: NameSource {
    /// There is only one.
    public init() {}

    /// Blocks until the system has an answer.
    public func addresses(of host: String) -> Result<[SocketAddress], NameFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failure(NameFailure(String(cString: gai_strerror(code)))) }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let name = entry.pointee.ai_addr else { continue }
            if let address = SocketAddress(sockaddr: name), !found.contains(address) { found.append(address) }
        }
        return found.isEmpty ? .failure(NameFailure("no IPv4 or IPv6 address")) : .success(found)
    }
}

/// Resolves names with a deadline, never on the thread of a worker's own: the source blocks on a helper thread, and one
/// that never answers costs that thread and nothing else. The last good answer of a name is kept for the time when
/// there is none. May be used from any thread; it waits.
public final class NameResolver: Sendable {
    /// How long anybody waits for an answer, in milliseconds.
    public static let deadline = 5_000
    private let source: any NameSource
    private let known = Lock<[String: [SocketAddress]]>([:])

    /// Makes a resolver.
    public init(_ source: any NameSource = SystemNames()) { self.source = source }

    /// What the helper thread leaves for who waits.
    private final class Answer: Sendable {
        let result = Lock<Result<[SocketAddress], NameFailure>?>(nil)
        let bell = eventfd(0, Int32(EFD_CLOEXEC))

        deinit { close(bell) }
    }

    /// The addresses of an endpoint, best first.
    ///
    /// - Parameter milliseconds: how long to wait at most.
    /// - Throws: `NameFailure`, one line that names the host, when there is no answer and never was.
    public func addresses(
        of endpoint: Endpoint, within milliseconds: Int = NameResolver.deadline
    ) throws(NameFailure) -> [SocketAddress] {
        guard case .name(let host, let port) = endpoint else {
            if case .address(let address) = endpoint { return [address] }
            return []
        }
        switch ask(host, milliseconds) {
        case .success(let found):
            known.withLock { $0[host] = found }
            return found.map { $0.with(port: port) }
        case .failure(let failure):
            if let last = known.withLock({ $0[host] }) { return last.map { $0.with(port: port) } }
            throw NameFailure("cannot resolve \(host): \(failure); use an address, or see /etc/resolv.conf")
        }
    }

    private func ask(_ host: String, _ milliseconds: Int) -> Result<[SocketAddress], NameFailure> {
        let answer = Answer()
        guard answer.bell >= 0 else { return .failure(NameFailure("no descriptor left")) }
        let source = source
        let body = HelperBody {
            let result = source.addresses(of: host)
            answer.result.withLock { $0 = result }
            eventfd_write(answer.bell, 1)
        }
        guard body.start() else { return .failure(NameFailure("no thread left")) }
        let end = MonotonicClock.now() + UInt64(max(0, milliseconds)) * 1_000_000
        while true {
            let now = MonotonicClock.now()
            let left = now < end ? Int32(clamping: (end - now) / 1_000_000 + 1) : 0
            var waiting = pollfd(fd: answer.bell, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, left)
            if let result = answer.result.withLock({ $0 }) { return result }
            if ready < 0, errno == EINTR { continue }
            guard left > 0 else { return .failure(NameFailure("no answer within \(milliseconds) ms")) }
        }
    }
}

/// Runs a closure on a detached thread, with all signals blocked: they are for the main thread.
private final class HelperBody: Sendable {
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func start() -> Bool {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<HelperBody>.fromOpaque(pointer).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
