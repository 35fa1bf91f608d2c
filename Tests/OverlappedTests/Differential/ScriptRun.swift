// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// Plays a script against a port and writes down what could be seen.
struct ScriptRun: PortRule {
    final class Result {
        var observations: [Observation] = []
    }

    let script: Script
    let pairs: PairMaker
    let result = Result()

    func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
        let stage = try Stage(script, pairs, Rig(capacity: script.streams.count, make))
        try stage.play()
        for index in script.streams.indices { try stage.end(index) }
        stage.rig.expectOrder()
        result.observations = stage.observations
    }

    /// The streams of a script on one port.
    private final class Stage<P: TestedPort> {
        let script: Script
        let rig: Rig<P>
        var streams: [Rig<P>.Stream] = []
        var peers: [Peer] = []
        var observations: [Observation]
        /// What each peer has still to send, and each stream to answer.
        var unsent: [[UInt8]]
        var unanswered: [[UInt8]]
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        var next: [Int]

        init(_ script: Script, _ pairs: PairMaker, _ rig: Rig<P>) throws {
            self.script = script
            self.rig = rig
            observations = script.streams.map { _ in Observation() }
            unsent = script.streams.map { _ in [] }
            unanswered = script.streams.map { _ in [] }
            next = script.streams.map { _ in 0 }
            for (slot, stream) in script.streams.enumerated() {
                let (near, peer) = try pairs.make(small: stream.isSmall)
                streams.append(rig.add(near, slot: slot))
                peers.append(peer)
            }
        }

        deinit { memory.deallocate() }

        /// The turns of the script: pieces, pauses.
        func play() throws {
            for turn in 0..<script.turns {
                for sender in script.senders[turn] { takePiece(sender) }
                for (index, stream) in script.streams.enumerated() {
                    let count = stream.pauses.count { $0 == turn }
                    for pause in 0..<count {
                        if pause % 2 == 0 { rig.port.pause(streams[index].key) }
                        if pause % 2 == 1 { rig.port.receive(streams[index].key) }
                    }
                }
                try step(0)
            }
            for index in streams.indices {
                while next[index] < script.streams[index].pieces.count { takePiece(index) }
                rig.port.receive(streams[index].key)
            }
        }

        private func takePiece(_ index: Int) {
            guard next[index] < script.streams[index].pieces.count else { return }
            unsent[index] += script.streams[index].pieces[next[index]]
            next[index] += 1
        }

        /// One turn of the port, with what the peers have to send and to read.
        func step(_ milliseconds: Int) throws {
            for index in peers.indices where !unsent[index].isEmpty {
                let sent = unsent[index].withUnsafeBytes { peers[index].sendSome($0) } ?? unsent[index].count
                unsent[index].removeFirst(sent)
            }
            try rig.turn(milliseconds) { [self] stream, bytes in
                if script.streams[stream.key.slot].echoes { unanswered[stream.key.slot] += bytes }
            }
            for index in streams.indices {
                let stream = streams[index]
                guard !unanswered[index].isEmpty, stream.tracked == nil, stream.ended.isEmpty, stream.closed == 0
                else { continue }
                rig.send(stream.key, unanswered[index])
                unanswered[index] = []
            }
            for index in peers.indices { read(index) }
        }

        private func read(_ index: Int) {
            do {
                while peers[index].descriptor >= 0, observations[index].peerEnd == 0,
                    let count = try peers[index].receiveSome(memory), count > 0
                {
                    observations[index].answer += memory[..<count]
                }
            } catch let failure as Peer.Failure {
                observations[index].peerEnd = failure.code
            } catch {}
        }

        private func run(_ what: String, until condition: () -> Bool) throws {
            let deadline = MonotonicClock.now() + 10_000_000_000
            while !condition() {
                guard MonotonicClock.now() < deadline else {
                    throw Peer.Failure(call: "seed \(script.seed): \(what)", code: ETIMEDOUT)
                }
                try step(1)
            }
        }

        /// Everything sent has been delivered, and answered.
        private func settle(_ index: Int) throws {
            let expected = script.streams[index].sent.count
            try run("stream \(index) delivered") { streams[index].receivedCount >= expected }
            guard script.streams[index].echoes else { return }
            try run("stream \(index) answered") {
                observations[index].answer.count >= expected && streams[index].tracked == nil
            }
            // The send of the last turn counts as settled from the next on.
            try step(0)
        }

        func end(_ index: Int) throws {
            let stream = streams[index]
            let peer = peers[index]
            try settle(index)
            switch script.streams[index].end {
            case .peerFinishes:
                peer.finishSending()
                try run("finished") { stream.finished == 1 }
                rig.port.finish(stream.key)
                try run("closed") { stream.closed == 1 }
            case .serverFinishes:
                rig.port.finish(stream.key)
                try step(0)
                peer.finishSending()
                try run("closed") { stream.closed == 1 }
            case .peerResets:
                peer.reset()
                try run("ended") { !stream.ended.isEmpty }
                rig.port.close(stream.key, hard: false)
                try run("closed") { stream.closed == 1 }
            case .serverResets:
                rig.port.close(stream.key, hard: true)
                try run("closed") { stream.closed == 1 }
            case .serverCloses:
                rig.port.close(stream.key, hard: false)
                try run("closed") { stream.closed == 1 }
            }
            observe(index)
        }

        private func observe(_ index: Int) {
            let stream = streams[index]
            observations[index].delivered = stream.bytes
            observations[index].finished = stream.finished
            observations[index].resets = stream.ended.count { $0 == ECONNRESET || $0 == EPIPE }
            observations[index].otherEnds = stream.ended.filter { $0 != ECONNRESET && $0 != EPIPE }
            observations[index].closed = stream.closed
            guard peers[index].descriptor >= 0, observations[index].peerEnd == 0 else { return }
            do {
                observations[index].answer += try peers[index].receiveAll()
            } catch let failure as Peer.Failure {
                observations[index].peerEnd = failure.code
            } catch {}
        }
    }
}
