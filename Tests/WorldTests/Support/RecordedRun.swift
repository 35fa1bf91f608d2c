// SPDX-License-Identifier: Apache-2.0

import World

/// The log of a run of random walkers, as a server would write it.
func recordedRun(
    _ configuration: WorldConfiguration, regions: Int, workers: Int, players: Int, ticks: Int, seed: UInt64,
    end: LogEnd? = .closed, spoil: (UInt64, UInt64, UInt64) -> UInt64 = { _, _, digest in digest }
) -> [UInt8] {
    let world = TestWorld(configuration, workers: workers, regions: regions)
    let network = world.network
    var walk = RandomWalk(seed: seed, players: players, workers: workers, hushes: true)
    let log = LogBuffer()
    log.appendHeader(configuration, workers: network.peers.count, regions: network.map.count)
    var states: [(sector: Sector, hash: UInt64)] = []
    network.changed = { states.append(($1, $2)) }
    for tick in UInt64(1)...UInt64(ticks) {
        walk.act(in: world)
        for peer in network.peers { log.append(commands: peer.worker.open, tick: tick) }
        var outputs: [(session: UInt64, digest: UInt64)] = []
        states.removeAll()
        world.step { tick, session, own, shared in
            var digest = OutputDigest()
            digest.append(own)
            digest.append(shared)
            outputs.append((session, spoil(tick, session, digest.value)))
        }
        for worker in network.peers.indices {
            log.beginOutputs(tick: tick, worker: worker)
            for (session, digest) in outputs where Int(session >> 56) == worker {
                log.append(session: session, digest: digest)
            }
            log.endList()
        }
        for region in 0..<network.map.count {
            log.beginSectors(tick: tick, region: region)
            for (sector, hash) in states where network.map.region(of: sector) == region {
                log.append(sector: sector, hash: hash)
            }
            log.endList()
        }
    }
    if let end { log.append(end: end) }
    return Array(log.bytes)
}
