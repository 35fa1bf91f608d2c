// SPDX-License-Identifier: Apache-2.0

internal import CStudy
internal import Glibc
internal import Overlapped

/// Sockets of a load: connected one after the other, so that groups form in that order, and watched by epoll.
///
/// Memory and descriptors live until the process ends; one thread.
struct LoadSockets {
    /// Room for what one call receives.
    static let room = 256 << 10
    private static let eventCount = 512

    let descriptors: [Int32]
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: LoadSockets.room, alignment: 4_096)
    private let set: Int32
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: LoadSockets.eventCount)

    init(port: UInt16, count: Int) throws(LoadFault) {
        let needed = count + 64
        let limit = Sockets.raiseDescriptorLimit()
        guard limit >= needed else { throw LoadFault("\(needed) open files are needed and the limit is \(limit)") }
        set = cs_epoll_create()
        guard set >= 0 else { throw Self.fault("epoll_create1") }
        var descriptors: [Int32] = []
        for number in 0..<count {
            let descriptor = try Self.connect(to: port)
            guard cs_epoll_add(set, descriptor, cs_epoll_in(), UInt64(number)) == 0 else {
                throw Self.fault("epoll_ctl")
            }
            descriptors.append(descriptor)
        }
        self.descriptors = descriptors
    }

    /// A connection to 127.0.0.1 that sends at once.
    static func connect(to port: UInt16) throws(LoadFault) -> Int32 {
        guard let address = SocketAddress("127.0.0.1:\(port)") else { throw LoadFault("no port \(port)") }
        do {
            return try Sockets.connect(to: address)
        } catch {
            throw LoadFault("\(error)")
        }
    }

    static func fault(_ call: String) -> LoadFault { LoadFault("\(call): \(String(cString: strerror(errno)))") }

    /// Calls `body` for every connection that is ready, in the order in which the kernel names them.
    func ready(
        waiting milliseconds: Int32, _ body: (_ number: Int, _ canReceive: Bool) throws(LoadFault) -> Void
    ) throws(LoadFault) {
        let count = cs_epoll_wait(set, events, Int32(Self.eventCount), milliseconds)
        guard count >= 0 || errno == EINTR else { throw Self.fault("epoll_wait") }
        for place in 0..<max(0, Int(count)) {
            let event = events[place]
            // Whatever else than room to send is found by receiving.
            try body(Int(event.data.u64), event.events & ~cs_epoll_out() != 0)
        }
    }

    /// Whether room to send is waited for.
    func watch(_ number: Int, forRoom: Bool) throws(LoadFault) {
        let interest = forRoom ? cs_epoll_in() | cs_epoll_out() : cs_epoll_in()
        guard cs_epoll_change(set, descriptors[number], interest, UInt64(number)) == 0 else {
            throw Self.fault("epoll_ctl")
        }
    }

    /// Receives what is there into `buffer`; 0: nothing is.
    func receive(_ number: Int) throws(LoadFault) -> Int {
        let count = recv(descriptors[number], buffer, Self.room, Int32(MSG_DONTWAIT))
        guard count <= 0 else { return count }
        guard count < 0 else { throw LoadFault("the server closed connection \(number)") }
        guard errno == EAGAIN || errno == EINTR else { throw Self.fault("receive on connection \(number)") }
        return 0
    }

    /// Sends what the kernel takes; how much that was.
    func send(_ number: Int, _ bytes: UnsafeRawPointer, _ count: Int) throws(LoadFault) -> Int {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        let taken = Glibc.send(descriptors[number], bytes, count, flags)
        guard taken < 0 else { return taken }
        guard errno == EAGAIN || errno == EINTR else { throw Self.fault("send on connection \(number)") }
        return 0
    }
}
