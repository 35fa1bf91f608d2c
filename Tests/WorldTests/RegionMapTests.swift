// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct RegionMapTests {
    @Test("every row of sectors has one owner, and every region has at least four, whatever the map")
    func partition() {
        for height in [1, 8, 31, 32, 33, 63, 64, 100, 249, 256, 2_000, 65_535] {
            let configuration = WorldConfiguration(width: 3, height: height)
            let rows = SectorGrid(configuration).rows
            for wanted in [-1, 0, 1, 2, 3, 5, 8, 64, 10_000] {
                let map = RegionMap(configuration, regions: wanted)
                #expect(map.count == min(max(wanted, 1), max(rows / 4, 1)))
                var next = 0
                for region in 0..<map.count {
                    let own = map.rows(of: region)
                    #expect(own.lowerBound == next && (own.count >= RegionMap.leastRows || map.count == 1))
                    next = own.upperBound
                    for row in own {
                        for y in [row * 8, min(row * 8 + 7, height - 1)] {
                            #expect(map.region(x: 0, y: UInt16(y)) == region)
                        }
                    }
                }
                #expect(next == rows)
            }
        }
    }

    @Test("the smallest map for eight regions is 249 tiles high")
    func smallest() {
        #expect(RegionMap.most(WorldConfiguration(width: 1, height: 248)) == 7)
        #expect(RegionMap.most(WorldConfiguration(width: 1, height: 249)) == 8)
        #expect(RegionMap(WorldConfiguration(), regions: 64).count == 62)
    }
}
