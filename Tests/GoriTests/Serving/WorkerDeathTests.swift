// SPDX-License-Identifier: Apache-2.0

// A port breaks only where it can be told to.
#if DEBUG || GORI_FAULTS
    import Overlapped
    import Testing
    import Wire

    @testable import Gori

    /// A worker whose port breaks ends its sessions, says so, and leaves the others alone.
    @Suite struct WorkerDeathTests {
        private static let room = Group(7)

        private func serve(
            _ ledger: Ledger, _ change: (inout ServerConfiguration) -> Void = { _ in }
        ) throws -> TestServer {
            var configuration = TestServer.configuration()
            change(&configuration)
            return try TestServer(configuration) { server in
                server.onLog { ledger.note($0) }
                server.onOpen { session, _ in session.join(Self.room) }
                server.onClose { id, reason, _ in ledger.note("closed \(id) \(reason)") }
                server.on(Say.self) { say, session, _ in session.send(Heard(say.number)) }
                server.on(Slow.self) { slow, session, _ in session.publish(Heard(slow.number), to: Self.room) }
                server.on(Whisper.self) { whisper, session, _ in
                    session.send(Heard(whisper.number), to: SessionID(rawValue: whisper.session))
                    session.send(Heard(whisper.number))
                }
            }
        }

        private func closings(_ lines: [String], of worker: Int) -> [String] {
            lines.filter { $0.hasPrefix("closed \(worker).") }
        }

        @Test("its clients see an end, onClose runs once for each, the other worker's clients and newcomers are served")
        func goOn() throws {
            let ledger = Ledger()
            let server = try serve(ledger)
            let clients = try server.openOnBothWorkers(atLeast: 40)
            let lost = clients.filter { $0.worker == 1 }
            let kept = clients.filter { $0.worker == 0 }
            #expect(server.running.livingWorkers == 2)
            let began = MonotonicClock.now()
            server.running.breakPort(of: 1)
            for client in lost {
                // An end of stream or a reset; not the deadline of the client.
                let end = client.end()
                #expect(end.reason == nil && (end.failure == 0 || end.failure == 104), "\(end)")
            }
            #expect(MonotonicClock.now() - began < 10_000_000_000)
            #expect(ledger.wait { $0.contains { $0.hasPrefix("worker 1 has died: wait: ") } })
            #expect(ledger.all.contains { $0.hasSuffix("\(lost.count) sessions have ended; 1 of 2 workers go on") })
            let failed = Set(lost.map { "closed \(SessionID(rawValue: $0.session)) \(EndReason.failed)" })
            #expect(closings(ledger.all, of: 1).count == lost.count)
            #expect(Set(closings(ledger.all, of: 1)) == failed)
            #expect(server.running.livingWorkers == 1)
            for client in kept {
                try client.send(Say(9))
                #expect(try client.next(Heard.self).number == 9)
            }
            var newcomers: [Client] = []
            for _ in 0..<60 { newcomers.append(try server.open()) }
            #expect(newcomers.allSatisfy { $0.worker == 0 })
            server.stop()
            for client in kept + newcomers { #expect(client.end().reason == .shuttingDown) }
            #expect(closings(ledger.all, of: 1).count == lost.count)
            #expect(closings(ledger.all, of: 0).count == kept.count + newcomers.count)
            #expect(server.running.failure == nil)
        }

        @Test("mail for it is thrown away and holds nobody up, and its groups are known to be empty")
        func mail() throws {
            let ledger = Ledger()
            let server = try serve(ledger) { $0.mailboxCapacity = 2 }
            let clients = try server.openOnBothWorkers(atLeast: 8)
            let sender = try #require(clients.first { $0.worker == 0 })
            let lost = try #require(clients.first { $0.worker == 1 })
            server.running.breakPort(of: 1)
            for number in UInt32(0)..<2_000 {
                try sender.send(Whisper(lost.session, number))
                #expect(try sender.next(Heard.self).number == number)
            }
            #expect(ledger.wait { $0.contains { $0.contains("has died") } })
            for number in UInt32(0)..<500 {
                try sender.send(Whisper(lost.session, number))
                try sender.send(Slow(number))
                #expect(try sender.next(Heard.self).number == number)
                #expect(try sender.next(Heard.self).number == number)
            }
            // What a foreign thread asks of it is dropped; of the other it is done.
            server.running.perform(on: 1, as: Nothing.self) { _, _ in ledger.note("never") }
            server.running.perform(on: 0, as: Nothing.self) { _, _ in ledger.note("done") }
            #expect(ledger.wait { $0.contains("done") })
            server.stop()
            #expect(!ledger.all.contains("never"))
        }

        @Test("a slow part that runs on when its worker dies comes to its end")
        func slowPart() throws {
            let (ledger, gate) = (Ledger(), Gate())
            let server = try TestServer { server in
                server.onLog { ledger.note($0) }
                server.on(
                    Slow.self,
                    async: { slow, _ in
                        ledger.note("begun")
                        await gate.pass()
                        ledger.note("ended")
                        return slow.number
                    },
                    then: { _, _, _ in ledger.note("never") })
            }
            let client = try server.open()
            try client.send(Slow(1))
            #expect(ledger.wait { $0.contains("begun") })
            server.running.breakPort(of: client.worker)
            #expect(ledger.wait { $0.contains { $0.contains("has died") } })
            gate.open()
            #expect(ledger.wait { $0.contains("ended") })
            server.stop()
            #expect(!ledger.all.contains("never"))
        }

        @Test("a server that is to stop drains its other workers and says what broke", arguments: [1, 2])
        func stop(_ workers: Int) throws {
            let ledger = Ledger()
            let server = try serve(ledger) { configuration in
                configuration.workers = workers
                // The last worker that dies ends the server in any case.
                configuration.whenWorkerDies = workers == 1 ? .goOn : .stop
            }
            server.running.whenStopping { ledger.note("stopping") }
            let clients = try server.openOnBothWorkers(atLeast: 8)
            server.running.breakPort(of: 0)
            for client in clients {
                let end = client.end()
                #expect(end.reason == (client.worker == 0 ? nil : .shuttingDown))
                #expect(end.failure == 0 || end.failure == 104)
            }
            #expect(ledger.wait { $0.contains("stopping") })
            server.running.join()
            #expect(server.running.failure?.code == 9)
            #expect(server.running.livingWorkers == workers - 1)
            #expect(ledger.all.count { $0.hasPrefix("closed") } == clients.count)
        }

        @Test("faults are told by the environment in one form only")
        func forms() {
            #expect(Faults.Stall("1:60:0.5")?.sleeps == false)
            #expect(Faults.Stall("1:60:0.5:spin")?.afterSeconds == 0.5)
            #expect(Faults.Stall("0:400:2:sleep")?.sleeps == true)
            for wrong in ["", "1", "1:60", "1:60:x", "1:0:1", "1:60:1:nap", "1:60:1:spin:2", "1:60:-1", "1:60:nan"] {
                #expect(Faults.Stall(wrong) == nil, "\(wrong)")
            }
            #expect(Faults.Death("1:2.5")?.afterSeconds == 2.5)
            for wrong in ["", "1", "x:1", "1:", "1:2:3", "1:-2", "1:inf"] {
                #expect(Faults.Death(wrong) == nil, "\(wrong)")
            }
        }
    }
#endif
