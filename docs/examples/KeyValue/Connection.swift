// SPDX-License-Identifier: Apache-2.0

internal import Gori

/// What a worker keeps of one connection: the begin of a command whose end has not come.
struct Connection {
    private var parser = RespParser()
    private var begun: [UInt8] = []
    private var answer = Answer()

    /// Takes bytes of the stream and answers the commands in them.
    mutating func take(_ bytes: RawSpan, _ session: Session, _ store: KeyValueStore) {
        guard !begun.isEmpty else {
            let end = perform(bytes, session, store)
            begun.append(contentsOf: Self.array(bytes, end..<bytes.byteCount))
            return
        }
        begun.append(contentsOf: Self.array(bytes, 0..<bytes.byteCount))
        let whole = begun
        let end = perform(whole.span.bytes, session, store)
        begun.removeFirst(end)
    }

    /// - Returns: where the first command that is not whole begins.
    private mutating func perform(_ bytes: RawSpan, _ session: Session, _ store: KeyValueStore) -> Int {
        var offset = 0
        answer.removeAll()
        while offset < bytes.byteCount {
            switch parser.next(in: bytes, from: offset) {
            case .command(let end):
                perform(bytes, store)
                offset = end
                if answer.isLast {
                    session.end()
                    offset = bytes.byteCount
                }
            case .malformed(let why):
                answer.fail("ERR Protocol error: \(why)")
                session.end()
                offset = bytes.byteCount
            case .incomplete:
                session.send(raw: answer.bytes.span.bytes)
                return offset
            }
        }
        session.send(raw: answer.bytes.span.bytes)
        return offset
    }

    private mutating func perform(_ bytes: RawSpan, _ store: KeyValueStore) {
        // An empty line is no command and gets no answer.
        guard let name = parser.parts.first else { return }
        let count = parser.parts.count - 1
        guard let command = Command(bytes, name) else {
            return answer.fail("ERR unknown command: this example has PING, ECHO, SET, GET, DEL and QUIT")
        }
        switch (command, count) {
        case (.ping, 0): answer.say("PONG")
        case (.ping, 1), (.echo, 1): answer.bulk(part(1, bytes))
        case (.set, 2):
            store.set(part(1, bytes), to: part(2, bytes))
            answer.say("OK")
        case (.get, 1): answer.bulk(store.value(of: part(1, bytes)))
        case (.del, 1...): answer.count((1...count).count { store.remove(part($0, bytes)) })
        case (.quit, 0):
            answer.say("OK")
            answer.isLast = true
        default: answer.fail("ERR wrong number of arguments, or an option that this example has not")
        }
    }

    private func part(_ index: Int, _ bytes: RawSpan) -> [UInt8] { Self.array(bytes, parser.parts[index]) }

    private static func array(_ bytes: RawSpan, _ range: Range<Int>) -> [UInt8] {
        bytes.extracting(range).withUnsafeBytes { Array($0) }
    }
}

/// Answers in RESP, one behind the other.
struct Answer {
    private(set) var bytes: [UInt8] = []
    /// Whether the connection ends behind it.
    var isLast = false

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func say(_ text: StaticString) {
        bytes.append(UInt8(ascii: "+"))
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
        endLine()
    }

    mutating func fail(_ text: String) {
        bytes.append(UInt8(ascii: "-"))
        bytes.append(contentsOf: text.utf8)
        endLine()
    }

    mutating func count(_ count: Int) {
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: String(count).utf8)
        endLine()
    }

    /// Nil: there is no such key.
    mutating func bulk(_ value: [UInt8]?) {
        bytes.append(UInt8(ascii: "$"))
        bytes.append(contentsOf: (value.map { String($0.count) } ?? "-1").utf8)
        endLine()
        guard let value else { return }
        bytes.append(contentsOf: value)
        endLine()
    }

    private mutating func endLine() { bytes.append(contentsOf: [13, 10]) }
}
