// swift-tools-version:6.0
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own: nothing that Gori is built from may depend on what it is compared with.
let package = Package(
    name: "swiftnio",
    dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.86.0")],
    targets: [
        .executableTarget(
            name: "Peer",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
            ])
    ])
