// SPDX-License-Identifier: Apache-2.0

/// The version of the program, as `CHANGELOG.md` counts it.
enum Version {
    static let current = "0.1.0"
}
