// SPDX-License-Identifier: Apache-2.0

import Overlapped

/// What this machine allows.
enum Machine {
    static let hasUring = (try? UringPreflight.run()) != nil
}
