// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How much a test that takes long does.
enum TestLevel {
    /// All of it: in release builds, in CI and wherever it is asked for; a plain debug run does less of the same.
    static let isFull: Bool = {
        let level = getenv("GORI_TEST_LEVEL").map { String(cString: $0) }
        if level == "quick" { return false }
        if level == "full" || getenv("GORI_LONG") != nil || getenv("CI") != nil { return true }
        #if DEBUG
            return false
        #else
            return true
        #endif
    }()
}
