// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Lines out of a pipe.
struct LineReader {
    let descriptor: Int32
    private var bytes: [UInt8] = []
    private(set) var hasEnded = false

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Reads what is there; waits when nothing is.
    mutating func fill() {
        var room = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &room, room.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return }
        guard count > 0 else {
            hasEnded = true
            return
        }
        bytes += room[..<count]
    }

    /// The next whole line, without its end.
    mutating func take() -> String? {
        guard let end = bytes.firstIndex(of: 0x0A) else { return nil }
        defer { bytes.removeSubrange(...end) }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
