// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// What a region can look up near its borders is what stands there, in the same order on any number of regions.
@Suite struct MirrorTests {
    private let configuration = WorldConfiguration(
        width: 20, height: 160, viewRadius: 9, moveIntervalMilliseconds: 0, seed: 3)

    @Test("a look-up finds the same on 1, 2, 3 and 5 regions, in the same order", arguments: [2, 3, 5])
    func lookUps(regions: Int) {
        let one = TestWorld(configuration, workers: 1)
        let several = TestWorld(configuration, workers: 1, regions: regions)
        var walk = RandomWalk(seed: 4, players: 80, workers: 1)
        var found = 0
        for tick in 0..<40 {
            walk.act(in: one)
            for operation in one.log[tick] { several.perform(operation) }
            one.step()
            several.step()
            for y in stride(from: tick % 3, to: 160, by: 3) {
                for reach in [0, 1, 7, configuration.mirrorDepth] {
                    let region = several.network.map.region(x: 5, y: UInt16(y))
                    let expected = one.network.peers[0].objects(within: reach, x: 5, y: UInt16(y))
                    let objects = several.network.peers[region].objects(within: reach, x: 5, y: UInt16(y))
                    #expect(objects == expected)
                    found += objects.count
                }
            }
        }
        #expect(found > 1_000)
    }

    @Test("the strip is the view, the longest reach, and a step of either side")
    func depth() {
        #expect(configuration.mirrorDepth == 9 + WorldConfiguration.longestReach + 2)
    }

    @Test("a look-up beyond the strip, or around a tile of another region, ends the program")
    func asserts() async {
        await #expect(processExitsWith: .failure) {
            let configuration = WorldConfiguration(width: 20, height: 160)
            let region = Region(configuration: configuration, map: RegionMap(configuration, regions: 2))
            region.forEachObject(within: configuration.mirrorDepth + 1, x: 1, y: 1) { _ in }
        }
        await #expect(processExitsWith: .failure) {
            let configuration = WorldConfiguration(width: 20, height: 160)
            let region = Region(configuration: configuration, map: RegionMap(configuration, regions: 2))
            region.forEachObject(within: 1, x: 1, y: 100) { _ in }
        }
        await #expect(processExitsWith: .success) {
            let configuration = WorldConfiguration(width: 20, height: 160)
            let region = Region(configuration: configuration, map: RegionMap(configuration, regions: 2))
            region.forEachObject(within: configuration.mirrorDepth, x: 1, y: 79) { _ in }
        }
    }
}

extension Network.Peer {
    fileprivate func objects(within reach: Int, x: UInt16, y: UInt16) -> [UInt32] {
        var found: [UInt32] = []
        worker.forEachObject(within: reach, x: x, y: y) { found.append($0.object) }
        return found
    }
}
