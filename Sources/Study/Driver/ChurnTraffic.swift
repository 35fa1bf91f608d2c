// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Connections that come and go: connect, one echo, close, some side by side. A message is a connection, and its time
/// is from before connect(2) until its answer is there.
struct ChurnTraffic: Traffic {
    var tally = Tally()
    var isStopping = false
    /// A turn ends when every connection of it has.
    let isSilent = true

    private static let patience = timeval(tv_sec: 5, tv_usec: 0)

    private let port: UInt16
    private let beside: Int
    private var message: [UInt8]
    private var answer: [UInt8]
    private var number: UInt64 = 0

    init(_ workload: Workload, port: UInt16) {
        self.port = port
        beside = workload.connections
        message = (0..<max(8, workload.size)).map { UInt8(truncatingIfNeeded: $0 &* 151) }
        answer = message
    }

    mutating func start() {}

    mutating func turn(waiting milliseconds: Int32) throws(LoadFault) {
        guard !isStopping else { return }
        // Another message each time, so that an answer to somebody else is seen.
        number += 1
        withUnsafeBytes(of: number) { bytes in
            for place in 0..<8 { message[place] = bytes[place] }
        }
        var open: [(descriptor: Int32, began: UInt64)] = []
        for _ in 0..<beside {
            let began = Clock.now()
            let descriptor = try LoadSockets.connect(to: port)
            open.append((descriptor, began))
            try send(on: descriptor)
        }
        for (descriptor, began) in open {
            try receive(on: descriptor)
            tally.answer(after: Clock.now() - began)
            close(descriptor)
        }
    }

    private func send(on descriptor: Int32) throws(LoadFault) {
        var patience = Self.patience
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let sent = message.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard sent == message.count else { throw LoadSockets.fault("send") }
    }

    private mutating func receive(on descriptor: Int32) throws(LoadFault) {
        var got = 0
        while got < message.count {
            let more = answer.withUnsafeMutableBytes { bytes in
                recv(descriptor, bytes.baseAddress.map { $0 + got }, bytes.count - got, 0)
            }
            if more < 0, errno == EINTR { continue }
            guard more != 0 else { throw LoadFault("the server closed a connection without an answer") }
            guard more > 0 else { throw LoadSockets.fault("receive") }
            got += more
        }
        guard answer == message else { throw LoadFault("other bytes came back than were sent") }
    }
}
