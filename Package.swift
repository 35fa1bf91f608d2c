// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "Gori",
    products: [
        .library(name: "Gori", targets: ["Gori"]),
        .library(name: "Overlapped", targets: ["Overlapped"]),
        .library(name: "Wire", targets: ["Wire"]),
        .library(name: "World", targets: ["World"]),
        .executable(name: "gori", targets: ["GoriCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.1.0"),
        // Only for `Storage`.
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Only for `make docs`.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.3"),
    ],
    targets: [
        // Floor 0: the only place that touches liburing.
        .systemLibrary(
            name: "CLiburing", path: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        // The memory that the kernel sees, and the lock: what differs in builds that look for mistakes.
        .target(name: "Platform", swiftSettings: strict),
        // Floor 1: completion I/O, and bytes <-> packets. Neither knows the other.
        .target(name: "Overlapped", dependencies: ["CLiburing", "Platform"], swiftSettings: strict),
        .target(name: "Wire", dependencies: ["Platform"], swiftSettings: strict),
        // The kernel as a seeded model, under the ports of Overlapped; no product.
        .target(name: "CFiber"),
        .target(
            name: "SimulatedKernel", dependencies: ["Overlapped", "CLiburing", "CFiber"], swiftSettings: strict),
        // Floor 2: the server engine.
        .target(name: "Gori", dependencies: ["Overlapped", "Wire", "Platform"], swiftSettings: strict),
        // Floor 3: the reference MMO, what outlives it, and the engine of load generators.
        .target(name: "World", dependencies: ["Wire", "Platform"], swiftSettings: strict),
        .target(
            name: "Storage", dependencies: ["Platform", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(
            name: "Load",
            dependencies: [
                "Overlapped", "Wire", "Platform", .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict),
        // Floor 4: what binds the floors to programs.
        .target(
            name: "WorldServer", dependencies: ["Gori", "World", "Storage", "Wire", "Platform"], swiftSettings: strict),
        .target(name: "Bots", dependencies: ["Load", "World", "Wire", "Overlapped"], swiftSettings: strict),
        .target(name: "CStudy"),
        .target(
            name: "Study",
            dependencies: ["Load", "Overlapped", "CStudy", .product(name: "Histogram", package: "hdrhistogram-swift")],
            swiftSettings: strict),
        // Floor 5: the command line.
        .executableTarget(
            name: "GoriCommand",
            dependencies: [
                "Gori", "WorldServer", "Storage", "Bots", "Study", "World", "Wire", "Overlapped",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // Examples, built by CI.
        .executableTarget(
            name: "Hello", dependencies: ["Gori", "Wire"], path: "docs/examples/Hello", swiftSettings: strict),
        .executableTarget(
            name: "KeyValue",
            dependencies: ["Gori", "Overlapped", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "docs/examples/KeyValue", swiftSettings: strict),
        .executableTarget(
            name: "Plaintext",
            dependencies: ["Gori", "Overlapped", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "docs/examples/Plaintext", swiftSettings: strict),
        // What `make instructions` counts besides `gori echo`.
        .executableTarget(
            name: "Typed",
            dependencies: [
                "Gori", "Overlapped", "Wire", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Typed", swiftSettings: strict),
        // The failures that need a hand inside the ring; run by `make torture`, built with everything.
        .executableTarget(
            name: "Torture", dependencies: ["Overlapped"], path: "Tests/Torture/Ring", swiftSettings: strict),
        // The engine and the world on the simulated kernel: `make simulate`.
        .target(
            name: "Simulation",
            dependencies: ["SimulatedKernel", "Gori", "Overlapped", "Wire", "World", "Storage", "WorldServer"],
            path: "Tests/Simulation/Simulation", swiftSettings: strict),
        .executableTarget(
            name: "Simulate",
            dependencies: [
                "Simulation", "SimulatedKernel", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Simulation/Simulate", swiftSettings: strict),
        // Ports on the simulated kernel with callers that do everything that is allowed: for `make fidelity`.
        .executableTarget(
            name: "Callers",
            dependencies: [
                "SimulatedKernel", "Overlapped", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Simulation/Callers", swiftSettings: strict),
        // Mistakes on purpose, for `make sanitize`.
        .executableTarget(
            name: "Canaries", dependencies: ["Overlapped", "Platform", "Wire"], path: "Tests/Sanitize/Canaries",
            swiftSettings: strict),
        // Tests.
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
        .testTarget(name: "OverlappedTests", dependencies: ["Overlapped", "Platform"], swiftSettings: strict),
        .testTarget(
            name: "GoriTests", dependencies: ["Gori", "Overlapped", "Wire", "Platform"], swiftSettings: strict),
        .testTarget(name: "WorldTests", dependencies: ["World", "Wire", "Platform"], swiftSettings: strict),
        .testTarget(
            name: "StorageTests", dependencies: ["Storage", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .testTarget(
            name: "WorldServerTests", dependencies: ["WorldServer", "Gori", "World", "Storage", "Wire", "Platform"],
            swiftSettings: strict),
        .testTarget(
            name: "LoadTests", dependencies: ["Load", "Bots", "World", "Wire", "Overlapped"], swiftSettings: strict),
        .testTarget(name: "StudyTests", dependencies: ["Study", "Overlapped"], swiftSettings: strict),
        // The fuzzers' inputs so far, without the fuzzer: `Tests/Fuzz` is a package of its own.
        .testTarget(
            name: "CorpusTests", dependencies: ["Gori", "Overlapped", "Wire"], path: "Tests/Fuzz/Sources",
            exclude: ["FuzzAddress", "FuzzFraming", "FuzzSession"], sources: ["FuzzTargets", "CorpusTests"],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests", dependencies: ["Simulation", "SimulatedKernel", "Gori", "Overlapped", "Wire"],
            path: "Tests/Simulation/SimulationTests", swiftSettings: strict),
        .testTarget(name: "TidyTests", swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
