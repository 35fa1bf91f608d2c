// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Gori

/// What a worker keeps: its answers, ready to be sent, and requests whose end has not come.
struct Connections {
    private var begun: [SessionID: [UInt8]] = [:]
    private var found: [UInt8] = []
    private var notFound: [UInt8] = []
    private static let refused = Array(
        "HTTP/1.1 400 Bad Request\r\nServer: Gori\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)

    init() { tellTime() }

    /// Makes the answers anew: they carry the date (RFC 9110, 6.6.1), which changes once a second.
    mutating func tellTime() {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        let date = String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        found = Self.answer("200 OK", "Hello, World!", date)
        notFound = Self.answer("404 Not Found", "", date)
    }

    /// Takes bytes of the stream and answers the requests in them.
    mutating func take(_ bytes: RawSpan, _ session: Session) {
        guard var whole = begun.isEmpty ? nil : begun.removeValue(forKey: session.id) else {
            let end = answer(bytes, session)
            if end < bytes.byteCount { begun[session.id] = Self.array(bytes, from: end) }
            return
        }
        whole.append(contentsOf: Self.array(bytes, from: 0))
        let end = answer(whole.span.bytes, session)
        if end < whole.count { begun[session.id] = Array(whole[end...]) }
    }

    mutating func remove(_ id: SessionID) { begun[id] = nil }

    /// - Returns: where the first request that is not whole begins.
    private func answer(_ bytes: RawSpan, _ session: Session) -> Int {
        var offset = 0
        while offset < bytes.byteCount {
            switch RequestHead.next(in: bytes, from: offset) {
            case .incomplete: return offset
            case .malformed:
                session.send(raw: Self.refused.span.bytes)
                session.end()
                return bytes.byteCount
            case .request(let head, let end):
                session.send(raw: head.isForPlaintext ? found.span.bytes : notFound.span.bytes)
                offset = end
                guard head.isLast else { continue }
                session.end()
                return bytes.byteCount
            }
        }
        return offset
    }

    private static func answer(_ status: String, _ body: String, _ date: String) -> [UInt8] {
        Array(
            """
            HTTP/1.1 \(status)\r
            Server: Gori\r
            Date: \(date)\r
            Content-Type: text/plain\r
            Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """.utf8)
    }

    private static func array(_ bytes: RawSpan, from start: Int) -> [UInt8] {
        bytes.extracting(start..<bytes.byteCount).withUnsafeBytes { Array($0) }
    }
}
