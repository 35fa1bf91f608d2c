// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
@_spi(Measuring) internal import Overlapped

/// Bugs on purpose, which the simulation must find.
enum Canaries {
    static func plant(_ name: String) throws {
        #if GORI_CANARIES
            guard Canary.plant(name) else {
                throw ValidationError("no canary is called \(name): slot, memory or doorbell")
            }
        #else
            throw ValidationError("this build has no canaries: `make canaries` makes one that has")
        #endif
    }
}
