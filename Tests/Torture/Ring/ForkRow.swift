// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Row 15: a child process has neither the ring nor its memory, and the parent's ring works on.
enum ForkRow {
    private typealias Fork = @convention(c) () -> Int32

    static func ring(_ features: UringFeatures) throws -> Outcome {
        let port = try UringPort(capacity: 4, features: features)
        let memory = port.kernelMemory
        let received = try run(port, memory)
        return Outcome(
            row: 15,
            text: "a forked child: \(memory.count) mappings of the ring and its buffers not inherited, no ring "
                + "descriptor after exec; the parent's ring works on",
            fired: [("mappingsTried", UInt64(memory.count)), ("bytesAfterwards", received)])
    }

    static func epoll() throws -> Outcome {
        let received = try run(try EpollPort(capacity: 4), [])
        return Outcome(
            row: 15,
            text: "a forked child has neither the epoll descriptor nor the doorbell after exec; the parent works on",
            fired: [("bytesAfterwards", received)])
    }

    private static func run<P: AnyPort>(_ port: consuming P, _ memory: [UnsafeRawPointer]) throws -> UInt64 {
        var bench = try Bench(port, seconds: 30)
        let pairs = try Pairs()
        let pair = try pairs.make(.tcp)
        defer { close(pair.far) }
        let key = CompletionKey(slot: 0, generation: 1)
        bench.port.associate(pair.near, key: key)
        bench.port.receive(key)
        var received = try exchange(&bench, pair.far, from: 0)
        let report = try child(memory)
        let places = report.prefix(memory.count)
        try require(places.count == memory.count, "the child said nothing")
        try require(places.allSatisfy { $0 == UInt8(ascii: "-") }, "the child has memory that the kernel writes to")
        let list = String(decoding: report.dropFirst(memory.count), as: UTF8.self)
        try require(list.contains("pipe:"), "the child did not list its descriptors")
        for word in ["io_uring", "eventpoll", "eventfd"] {
            try require(!list.contains(word), "the child has a descriptor of the port: \(word)")
        }
        for _ in 0..<200 { received += try exchange(&bench, pair.far, from: received) }
        return UInt64(received)
    }

    private static func exchange<P: AnyPort>(_ bench: inout Bench<P>, _ far: Int32, from start: Int) throws -> Int {
        let bytes = pattern(0, from: start, count: 5_000)
        try require(Far.send(far, bytes) == bytes.count, "the far end is full")
        var received = 0
        while received < bytes.count {
            try bench.turn(100) { completion, chunk in
                try require(completion.kind == .received, "\(completion.kind)")
                try require(isPattern(chunk, 0, from: start + received), "other bytes")
                received += chunk.count
            }
        }
        return received
    }

    /// Forks: the child writes `-` or `+` for each place, whether it can be read there, then becomes `ls` of its
    /// descriptors. Between fork and exec it makes nothing but plain system calls.
    private static func child(_ places: [UnsafeRawPointer]) throws -> [UInt8] {
        guard let symbol = dlsym(nil, "fork") else { throw Broken("no fork") }
        let fork = unsafeBitCast(symbol, to: Fork.self)
        var ends: [Int32] = [-1, -1]
        var probe: [Int32] = [-1, -1]
        try require(pipe(&ends) == 0 && pipe(&probe) == 0, "pipe: \(errno)")
        let (input, output, scratch) = (ends[0], ends[1], probe[1])
        defer { for descriptor in [input] + probe { close(descriptor) } }
        var words = ["ls", "-l", "/proc/self/fd"].map { (word: String) in strdup(word) } + [nil]
        defer { for word in words { free(word) } }
        let isThere: [UInt8] = [UInt8(ascii: "+")]
        let isNot: [UInt8] = [UInt8(ascii: "-")]
        let process = fork()
        if process == 0 {
            for place in places {
                let result = write(scratch, place, 1)
                _ = write(output, result == 1 ? isThere : isNot, 1)
            }
            dup2(output, 1)
            execvp("ls", &words)
            _exit(127)
        }
        close(output)
        try require(process > 0, "fork: \(errno)")
        var report: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(input, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            report += chunk[..<count]
        }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return report
    }
}
