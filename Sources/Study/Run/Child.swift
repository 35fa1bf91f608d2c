// SPDX-License-Identifier: Apache-2.0

internal import CStudy
internal import Glibc

/// A child process that is talked to in lines. It ends with this process however that ends, and Ctrl-C does not reach
/// it. One thread, which has to live as long as its children.
final class Child {
    /// Standard output or standard error.
    enum Stream {
        case output
        case errors
    }

    /// For messages.
    let name: String
    let process: pid_t
    private let input: Int32
    private var output: LineReader
    private var errors: LineReader
    private var lastError = ""
    private var hasEnded = false

    /// Milliseconds that a server may take to say good-bye: it promises 5 s.
    private static let farewell = 6_000

    /// Runs a program.
    ///
    /// - Parameters:
    ///   - program: its path; nil: this very program.
    ///   - core: the processor that it may use; nil: any.
    init(_ name: String, program: String? = nil, _ arguments: [String], core: Int?) throws(StudyError) {
        self.name = name
        let (input, output, errors) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
        var words = ([program ?? "gori"] + arguments).map { strdup($0) } + [nil]
        process = cs_spawn(
            program ?? "/proc/self/exe", &words, input.read, output.write, errors.write, Int32(core ?? -1))
        for word in words { free(word) }
        for end in [input.read, output.write, errors.write] { close(end) }
        self.input = input.write
        self.output = LineReader(output.read)
        self.errors = LineReader(errors.read)
        guard process > 0 else { throw .failed("cannot start \(name): \(String(cString: strerror(-process)))") }
    }

    deinit { stop() }

    /// The next line of a stream.
    ///
    /// - Throws: when it does not come in time, the process ends, or somebody interrupts.
    func line(of stream: Stream, within milliseconds: Int) throws(StudyError) -> String {
        let deadline = Clock.now() + UInt64(milliseconds) * 1_000_000
        while true {
            if let line = takeLine(of: stream) { return line }
            let ended = stream == .output ? output.hasEnded : errors.hasEnded
            guard !ended else { throw .failed("\(name) ended\(lastWords)") }
            guard Clock.now() < deadline else {
                throw .failed("\(name) said nothing for \(milliseconds / 1_000) s\(lastWords)")
            }
            try Interruption.check()
            wait(until: deadline)
        }
    }

    /// Reads on until a line begins with some text.
    ///
    /// - Throws: as `line`; the time is that for all of them.
    func wait(for text: String, of stream: Stream, within milliseconds: Int) throws(StudyError) {
        let deadline = Clock.now() + UInt64(milliseconds) * 1_000_000
        while true {
            let now = Clock.now()
            let left = deadline > now ? Int((deadline - now) / 1_000_000) : 0
            if try line(of: stream, within: left).hasPrefix(text) { return }
        }
    }

    func tell(_ line: String) throws(StudyError) {
        let bytes = Array((line + "\n").utf8)
        guard write(input, bytes, bytes.count) == bytes.count else { throw .failed("\(name) ended\(lastWords)") }
    }

    func signal(_ number: Int32) { kill(process, number) }

    /// Ends it: asks first, and waits until it has.
    func stop() {
        guard process > 0, !hasEnded else { return }
        hasEnded = true
        close(input)
        signal(SIGTERM)
        let deadline = Clock.now() + UInt64(Self.farewell) * 1_000_000
        while !output.hasEnded, Clock.now() < deadline { wait(until: deadline) }
        if !output.hasEnded { signal(SIGKILL) }
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        close(output.descriptor)
        close(errors.descriptor)
    }

    private func takeLine(of stream: Stream) -> String? {
        if stream == .output { return output.take() }
        guard let line = errors.take() else { return nil }
        lastError = line
        return line
    }

    private var lastWords: String {
        while let line = errors.take() { lastError = line }
        return lastError.isEmpty ? "" : ": \(lastError)"
    }

    /// Reads both streams, whichever has something, so that neither ever fills up.
    private func wait(until deadline: UInt64) {
        let now = Clock.now()
        let left = deadline > now ? Int32(clamping: (deadline - now) / 1_000_000 + 1) : 0
        var watched = [
            pollfd(fd: output.hasEnded ? -1 : output.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.hasEnded ? -1 : errors.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&watched, 2, left) > 0 else { return }
        if watched[0].revents != 0 { output.fill() }
        if watched[1].revents != 0 { errors.fill() }
    }

    private static func pipe() throws(StudyError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        let result = cs_pipe(&ends)
        guard result == 0 else { throw .failed("pipe: \(String(cString: strerror(-result)))") }
        return (ends[0], ends[1])
    }
}
