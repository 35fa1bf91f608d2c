// SPDX-License-Identifier: Apache-2.0

/// Rules of the house: which floor may import which, what stands at the top, what a type may be called.
enum FloorRules {
    /// For each module of ours, those that it may import. A module that may import anything is not listed.
    static let floors: [String: Set<String>] = [
        "CLiburing": [],
        "Platform": [],
        "Overlapped": ["CLiburing", "Platform"],
        "Wire": ["Platform"],
        "CFiber": [],
        "SimulatedKernel": ["Overlapped", "CLiburing", "CFiber"],
        "Gori": ["Overlapped", "Wire", "Platform"],
        "World": ["Wire", "Platform"],
        "Storage": ["Platform"],
        "WorldServer": ["Gori", "World", "Storage", "Wire", "Platform"],
        "Load": ["Overlapped", "Wire", "Platform"],
        "Bots": ["Load", "World", "Wire", "Overlapped"],
        "CStudy": [],
        "Study": ["Load", "Overlapped", "CStudy"],
    ]
    /// The command line is the one place that knows everybody.
    static let roof = "GoriCommand"
    /// What a server on Gori must build: nothing but these floors. They use what the toolchain always has.
    static let engine: Set = ["Platform", "Overlapped", "Wire", "Gori"]
    static let engineMayUse: Set = ["Glibc", "Musl", "Synchronization"]

    static func upwardImports(_ file: SourceFile) -> [String] {
        guard let module = file.module, module != roof else { return [] }
        guard let allowed = floors[module] else {
            return [file.at(0, "Sources/\(module) has no floor: add it to the table in Tests/TidyTests")]
        }
        let ours = Set(floors.keys).union([roof])
        return imports(of: file).filter { ours.contains($0.module) && !allowed.contains($0.module) }.map {
            file.at($0.index, "\(module) may not import \($0.module): move what it needs down, or the file up")
        }
    }

    static func foreignImports(_ file: SourceFile) -> [String] {
        guard let module = file.module, engine.contains(module) else { return [] }
        let ours = Set(floors.keys)
        return imports(of: file).filter { !ours.contains($0.module) && !engineMayUse.contains($0.module) }.map {
            file.at($0.index, "\(module) may not import \($0.module): the engine depends on liburing alone")
        }
    }

    private static func imports(of file: SourceFile) -> [(index: Int, module: String)] {
        file.code.enumerated().compactMap { index, line in
            FormRules.importedModule(line).map { (index, $0) }
        }
    }

    static let top: Set = [
        "Package.swift", "CLiburing", "Sources", "Tests", "Benchmarks", "docs", "Makefile",
        "README.md", "README.ko.md", "LICENSE", "NOTICE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
        "CODE_OF_CONDUCT.md", ".gitignore", ".gitattributes", ".editorconfig", ".swift-format", ".spi.yml", ".ci",
        ".github",
    ]

    static func strayAtTop(_ paths: [String]) -> [String] {
        let names = Set(paths.compactMap { $0.split(separator: "/").first.map(String.init) })
        return names.subtracting(top).sorted().map { "\($0): the top level holds only what newcomers must see" }
    }

    /// A type with the name of its module makes `Module.Other` mean something else. Nobody imports the roof.
    static func namesake(_ file: SourceFile) -> [String] {
        guard let module = file.module, module != roof else { return [] }
        let kinds = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        return file.code.enumerated().filter { _, line in
            kinds.contains { line.hasWord("\($0) \(module)") }
        }.map { file.at($0.offset, "no type bears the name of its module: rename it") }
    }
}
