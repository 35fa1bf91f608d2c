// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// Making sockets: what is done once for each listener or connection, by plain system calls.
///
/// Options are set on the listener and inherited by what it accepts, so that a connection costs no further call.
public enum Sockets {
    /// The accept queue's length; the kernel lowers it to net.core.somaxconn.
    public static let backlog: Int32 = 4_096

    /// Binds and listens.
    ///
    /// - Parameters:
    ///   - address: where; `[::]` is dual stack and takes IPv4 too.
    ///   - sharesPort: several listeners on one address, one for each worker (SO_REUSEPORT).
    ///   - sendTimeout: milliseconds that what is sent on a connection may wait for its peer, which would be a quarter
    ///     of an hour otherwise (TCP_USER_TIMEOUT); 0: the kernel's own.
    /// - Returns: a descriptor that the caller owns.
    /// - Throws: `PortError`, as EADDRINUSE.
    public static func listen(
        on address: SocketAddress, sharesPort: Bool, sendTimeout: Int = 0
    ) throws(PortError) -> Int32 {
        let descriptor = try bound(to: address, sharesPort: sharesPort)
        if sendTimeout > 0 { setOption(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, Int32(clamping: sendTimeout)) }
        guard Glibc.listen(descriptor, backlog) == 0 else { throw failure("listen on \(address)", closing: descriptor) }
        return descriptor
    }

    /// Finds out whether an address is free, and which port the kernel chose for port 0.
    ///
    /// Binds without SO_REUSEPORT, because two servers of one user would otherwise share the players in silence.
    /// - Returns: the address with its real port, and the descriptor that holds it until the listeners are there.
    public static func reserve(_ address: SocketAddress) throws(PortError) -> SocketAddress {
        let descriptor = try bound(to: address, sharesPort: false)
        defer { close(descriptor) }
        guard let real = SocketAddress(localOf: descriptor) else {
            throw PortError(call: "getsockname", code: errno)
        }
        return real
    }

    /// A connected stream socket; waits until the connection stands or fails.
    public static func connect(to address: SocketAddress) throws(PortError) -> Int32 {
        let descriptor = try make(address)
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = address.withSockaddr { Glibc.connect(descriptor, $0, $1) }
        if result != 0, errno == EINTR { errno = outcomeOfConnect(descriptor) }
        guard result == 0 || errno == 0 else { throw failure("connect to \(address)", closing: descriptor) }
        return descriptor
    }

    /// An interrupted connect goes on by itself (connect(2)): waits for its end and returns its errno.
    private static func outcomeOfConnect(_ descriptor: Int32) -> Int32 {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while poll(&waiting, 1, -1) < 0, errno == EINTR {}
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return errno }
        return code
    }

    /// Whether this machine has IPv6 at all.
    public static var hasIPv6: Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return SocketAddress.anyIPv6(port: 0).withSockaddr { bind(descriptor, $0, $1) } == 0
    }

    /// The processors that are online (sysconf(3)).
    public static var processorCount: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    /// Raises the soft limit of open descriptors to the hard one.
    ///
    /// - Returns: the limit now.
    public static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Closes a descriptor that no port has been given.
    public static func close(_ descriptor: Int32) { SystemCalls.close(descriptor) }

    /// Ends a connection that no port has been given with a reset: the accept policy's "no".
    public static func reject(_ descriptor: Int32) {
        SystemCalls.endWithReset(descriptor)
        close(descriptor)
    }

    /// Sends a few last bytes, or none, to a connection that no port has been given, and closes it in order.
    public static func refuse(_ descriptor: Int32, with bytes: UnsafeRawBufferPointer) {
        if !bytes.isEmpty {
            _ = SystemCalls.send(descriptor, bytes.baseAddress, bytes.count)
        }
        SystemCalls.shutdown(descriptor, SHUT_WR)
        close(descriptor)
    }

    static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func bound(to address: SocketAddress, sharesPort: Bool) throws(PortError) -> Int32 {
        let descriptor = try make(address)
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if sharesPort { setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        if address.isIPv6 { setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = address.withSockaddr { bind(descriptor, $0, $1) }
        guard result == 0 else { throw failure("bind \(address)", closing: descriptor) }
        return descriptor
    }

    private static func make(_ address: SocketAddress) throws(PortError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(CL_SOCK_CLOEXEC)
        let descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw PortError(call: "socket", code: errno) }
        return descriptor
    }

    private static func failure(_ call: String, closing descriptor: Int32) -> PortError {
        let error = PortError(call: call, code: errno)
        close(descriptor)
        return error
    }
}
