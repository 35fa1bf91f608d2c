// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Wire

/// A client as strangers write them: a plain blocking socket, every call of which has a deadline.
final class Client {
    struct Failure: Error, Hashable, CustomStringConvertible {
        let what: String
        let code: Int32
        var description: String { code == 0 ? what : "\(what): \(String(cString: strerror(code)))" }
    }

    /// How a session ended as the client saw it.
    struct End: Equatable {
        var reason: EndReason?
        var text = ""
        /// An errno instead of an end of stream.
        var failure: Int32 = 0
    }

    struct Whole {
        let type: PacketType
        let body: [UInt8]
    }

    private(set) var descriptor: Int32
    private let framing: Framing
    private var input: [UInt8] = []
    private var offset = 0
    /// Of the welcome.
    private(set) var session: UInt64 = 0
    var worker: Int { Int(session >> 56) }

    /// Connects.
    init(to address: SocketAddress, framing: Framing = Framing(), seconds: Int = 10, receiveBuffer: Int32? = nil) throws
    {
        self.framing = framing
        descriptor = socket(
            address.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(what: "socket", code: errno) }
        set(SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: seconds, tv_usec: 0))
        set(SOL_SOCKET, SO_SNDTIMEO, timeval(tv_sec: seconds, tv_usec: 0))
        set(Int32(IPPROTO_TCP), TCP_NODELAY, Int32(1))
        if let receiveBuffer { set(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        let isNamed = address.bytes.count == 4 && address.bytes.contains { $0 != 0 }
        let number = address.bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        name.sin_addr.s_addr = (isNamed ? number : 0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // An interrupted connect goes on by itself. What interrupts here is the kernel, when it takes down a ring that
        // this thread made.
        if result != 0, errno == EINTR {
            var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            while poll(&wait, 1, Int32(seconds * 1_000)) < 0, errno == EINTR {}
        } else if result != 0 {
            throw Failure(what: "connect", code: errno)
        }
    }

    deinit { close() }

    private func set<Value: BitwiseCopyable>(_ level: Int32, _ name: Int32, _ value: Value) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Value>.size))
    }

    func close() {
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    func reset() {
        set(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
        close()
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: Sending

    func send(raw bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw Failure(what: "send", code: errno)
            }
            sent += count
        }
    }

    func send<P: Packet>(_ packets: P...) throws { try send(raw: packets.flatMap { bytes(of: $0) }) }

    func bytes<P: Packet>(of packet: P) -> [UInt8] {
        var memory = [UInt8](repeating: 0, count: framing.headerSize + P.bodySize.upperBound)
        let count = memory.withUnsafeMutableBytes { framing.encode(packet, into: $0) } ?? 0
        return Array(memory[..<count])
    }

    // MARK: Receiving

    /// The next packet, nil at the end of stream.
    func next() throws -> Whole? {
        while true {
            let header = input.withUnsafeBytes { framing.header(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
            switch header {
            case .packet(let size, let type) where input.count - offset >= size:
                let body = Array(input[offset + framing.headerSize..<offset + size])
                offset += size
                return Whole(type: type, body: body)
            case .malformed: throw Failure(what: "the server sent a malformed packet", code: 0)
            default: break
            }
            if offset > 0 {
                input.removeFirst(offset)
                offset = 0
            }
            guard try fill() else {
                guard input.isEmpty else { throw Failure(what: "the stream ends inside of a packet", code: 0) }
                return nil
            }
        }
    }

    private func fill() throws -> Bool {
        let got = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 8) { memory in
            var got = -1
            repeat { got = recv(descriptor, memory.baseAddress, memory.count, 0) } while got < 0 && errno == EINTR
            if got > 0 { input.append(contentsOf: memory[..<got]) }
            return got
        }
        guard got >= 0 else { throw Failure(what: "recv", code: errno) }
        return got > 0
    }

    /// The next packet, which must be of this type.
    func next<P: Packet>(_: P.Type) throws -> P {
        guard let whole = try next() else { throw Failure(what: "end of stream instead of \(P.self)", code: 0) }
        guard whole.type == P.type else {
            let reason =
                whole.type == Goodbye.type
                ? " (\((try? Self.decode(Goodbye.self, whole))?.reason ?? .disconnected))" : ""
            throw Failure(what: "type \(whole.type)\(reason) instead of \(P.self)", code: 0)
        }
        return try Self.decode(P.self, whole)
    }

    static func decode<P: Packet>(_: P.Type, _ whole: Whole) throws -> P { try P.decode(whole.body.span.bytes) }

    /// Reads to the end; what comes before the goodbye goes to `other`.
    func end(_ other: (Whole) -> Void = { _ in }) -> End {
        var end = End()
        do {
            while let whole = try next() {
                if whole.type == Goodbye.type, let goodbye = try? Self.decode(Goodbye.self, whole) {
                    end.reason = goodbye.reason
                    end.text = goodbye.text
                } else {
                    other(whole)
                }
            }
        } catch {
            end.failure = (error as? Failure).map { $0.code == 0 ? -1 : $0.code } ?? -1
        }
        return end
    }

    /// Whether nothing comes within some milliseconds.
    func isSilent(milliseconds: Int32) -> Bool {
        guard offset == input.count else { return false }
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var result: Int32 = -1
        repeat { result = poll(&poller, 1, milliseconds) } while result < 0 && errno == EINTR
        return result == 0
    }

    // MARK: Opening

    static let version = SessionVersion(version: 3, fingerprint: 0xF1F2)

    struct SessionVersion {
        let version: UInt16
        let fingerprint: UInt64
    }

    /// Says hello and hears welcome.
    @discardableResult
    func open() throws -> Welcome {
        try send(Hello(version: Self.version.version, fingerprint: Self.version.fingerprint, client: "test"))
        let welcome = try next(Welcome.self)
        session = welcome.session
        return welcome
    }
}
