// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
]

// libFuzzer brings `main`.
let entry: [SwiftSetting] = strict + [.unsafeFlags(["-parse-as-library"])]

let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "Gori", path: "../..")],
    targets: [
        .target(
            name: "FuzzTargets",
            dependencies: [
                .product(name: "Gori", package: "Gori"), .product(name: "Overlapped", package: "Gori"),
                .product(name: "Wire", package: "Gori"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "FuzzFraming", dependencies: ["FuzzTargets"], swiftSettings: entry),
        .executableTarget(name: "FuzzSession", dependencies: ["FuzzTargets"], swiftSettings: entry),
        .executableTarget(name: "FuzzAddress", dependencies: ["FuzzTargets"], swiftSettings: entry),
    ],
    swiftLanguageModes: [.v6]
)
