// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Synchronization
import Testing

/// Names: what is one, who is asked, and for how long.
struct NameTests {
    /// Says what it is told to, or nothing for a while.
    private final class Source: NameSource {
        let answer = Mutex<Result<[SocketAddress], NameFailure>>(.failure(NameFailure("not yet")))
        let silence: Silence?

        init(silence: Silence? = nil) { self.silence = silence }

        func addresses(of host: String) -> Result<[SocketAddress], NameFailure> {
            silence?.pass()
            return answer.withLock { $0 }
        }
    }

    /// Holds helper threads until the test has ended.
    private final class Silence: Sendable {
        private let isOpen = Atomic<Bool>(false)
        func pass() { while !isOpen.load(ordering: .acquiring) { _ = sched_yield() } }
        func open() { isOpen.store(true, ordering: .releasing) }
    }

    @Test("a name with a port is an endpoint, and so is an address")
    func endpoints() {
        #expect(Endpoint("game.example.org:7777") == .name("game.example.org", port: 7_777))
        #expect(Endpoint("a_b-c:1") == .name("a_b-c", port: 1))
        #expect(Endpoint("127.0.0.1:5") == SocketAddress("127.0.0.1:5").map { .address($0) })
        #expect(Endpoint("[::1]:5") == SocketAddress("[::1]:5").map { .address($0) })
        for text in ["", "host", "host:", "host:65536", "-a:1", "a-:1", "a..b:1", "300.1.1.1:80", "1.2.3:4", "a b:1"] {
            #expect(Endpoint(text) == nil, "\(text)")
        }
    }

    @Test("the system knows this machine")
    func system() throws {
        let found = try NameResolver().addresses(of: .name("localhost", port: 99))
        #expect(found.allSatisfy { $0.isLoopback && $0.port == 99 })
    }

    @Test("the last good answer is kept, and a failure names the host in one line")
    func lastAnswer() throws {
        let source = Source()
        let resolver = NameResolver(source)
        let name = Endpoint.name("game.test", port: 7)
        let failure = #expect(throws: NameFailure.self) { try resolver.addresses(of: name) }
        #expect(failure?.description.hasPrefix("cannot resolve game.test: not yet; ") == true)
        let address = try #require(SocketAddress("10.1.2.3:0"))
        source.answer.withLock { $0 = .success([address]) }
        #expect(try resolver.addresses(of: name) == [address.with(port: 7)])
        source.answer.withLock { $0 = .failure(NameFailure("down")) }
        #expect(try resolver.addresses(of: name) == [address.with(port: 7)])
    }

    @Test("who does not answer is not waited for")
    func silence() {
        let gate = Silence()
        defer { gate.open() }
        let began = MonotonicClock.now()
        let failure = #expect(throws: NameFailure.self) {
            try NameResolver(Source(silence: gate)).addresses(of: .name("silent.test", port: 7), within: 50)
        }
        #expect(failure?.description.contains("no answer within 50 ms") == true)
        #expect(MonotonicClock.now() - began < 5_000_000_000)
    }
}
