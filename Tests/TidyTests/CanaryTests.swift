// SPDX-License-Identifier: Apache-2.0

import Testing

/// Each rule on a text that offends and one that does not: a rule that cannot fail would be seen here.
@Suite("Tidy canaries")
struct CanaryTests {
    private func file(_ path: String, _ text: String) -> SourceFile { SourceFile(path: path, text: text) }

    @Test func longFile() {
        let line = "let x = 1\n"
        #expect(FormRules.tooLong(file("Sources/Wire/A.swift", String(repeating: line, count: 401))).count == 1)
        #expect(FormRules.tooLong(file("Sources/Wire/A.swift", String(repeating: line, count: 400))).isEmpty)
        let generated = file("Sources/Wire/A.generated.swift", String(repeating: line, count: 401))
        #expect(FormRules.tooLong(generated).isEmpty)
    }

    @Test func wideLine() {
        #expect(FormRules.tooWide(file("a.swift", String(repeating: "x", count: 121))).count == 1)
        #expect(FormRules.tooWide(file("a.swift", String(repeating: "x", count: 120) + "\n")).isEmpty)
    }

    @Test func purpose() {
        let good = "// SPDX-License-Identifier: Apache-2.0\n\ninternal import Glibc\n\n/// What it is.\nstruct A {}\n"
        #expect(FormRules.noPurpose(file("a.swift", good)).isEmpty)
        #expect(FormRules.noPurpose(file("a.swift", "import Wire\nstruct A {}\n")).count == 1)
        #expect(FormRules.noPurpose(file("a.swift", "// A note\n/// What it is.\nstruct A {}\n")).count == 1)
        #expect(FormRules.noPurpose(file("a.swift", "")).count == 1)
    }

    @Test(arguments: [
        "func f() {\nBODY}\n", "public init(a: Int) {\nBODY}\n", "func f(\n    a: Int\n) -> Int {\nBODY}\n",
        "@inlinable init() {\nBODY}\n", "deinit {\nBODY}\n",
    ])
    func longFunction(shape: String) {
        func sized(_ count: Int) -> SourceFile {
            let body = String(repeating: "    if a { \"}\" } // }\n", count: count)
            return file("a.swift", "struct A {\n" + shape.replacing("BODY", with: body) + "}\n")
        }
        #expect(FormRules.longFunctions(sized(60)).count == 1)
        #expect(FormRules.longFunctions(sized(50)).isEmpty)
    }

    @Test func functionWithoutBody() {
        let requirement = "protocol P {\n    func f()\n    func g()\n}\nstruct A {\n"
        let filler = String(repeating: "    let a = 1\n", count: 70)
        #expect(FormRules.longFunctions(file("a.swift", requirement + filler + "}\n")).isEmpty)
        #expect(FormRules.longFunctions(file("a.swift", "let a = A.init(\n    1)\n{\n" + filler + "}\n")).isEmpty)
    }

    @Test func lock() {
        #expect(WordRules.locks(file("Sources/Gori/A.swift", "let a = Mutex<Int>(0)\n")).count == 1)
        #expect(WordRules.locks(file("Sources/Gori/A.swift", "let a = Lock(0) // no Mutex\n")).isEmpty)
    }

    @Test func upwardImport() {
        let floors = [("Wire", "Gori"), ("Overlapped", "Wire"), ("World", "Gori"), ("Gori", "World"), ("Load", "Gori")]
        for (module, other) in floors {
            #expect(FloorRules.upwardImports(file("Sources/\(module)/A.swift", "import \(other)\n")).count == 1)
        }
        let good = "public import Overlapped\nimport struct Wire.Packet\nimport Glibc\n// import World\n"
        #expect(FloorRules.upwardImports(file("Sources/Gori/A.swift", good)).isEmpty)
        #expect(FloorRules.upwardImports(file("Sources/GoriCommand/main.swift", "import World\n")).isEmpty)
        #expect(FloorRules.upwardImports(file("Sources/Unheard/A.swift", "")).count == 1)
        #expect(FloorRules.upwardImports(file("Sources/Wire/A.swift", "@testable import Gori\n")).count == 1)
    }

    @Test func foreignImport() {
        for module in ["Overlapped", "Wire", "Gori"] {
            #expect(FloorRules.foreignImports(file("Sources/\(module)/A.swift", "import Foundation\n")).count == 1)
        }
        #expect(FloorRules.foreignImports(file("Sources/Wire/A.swift", "import Synchronization\n")).isEmpty)
        #expect(FloorRules.foreignImports(file("Sources/Load/A.swift", "import Histogram\n")).isEmpty)
    }

    @Test func namesake() {
        #expect(FloorRules.namesake(file("Sources/World/A.swift", "public struct World: Sendable {}\n")).count == 1)
        #expect(FloorRules.namesake(file("Sources/World/A.swift", "struct WorldMap {}\n/// struct World\n")).isEmpty)
    }

    @Test func strayAtTop() {
        #expect(FloorRules.strayAtTop(["Sources/Wire/A.swift", "scripts/a.sh", "notes.txt"]).count == 2)
        #expect(FloorRules.strayAtTop(["Makefile", "docs/a.md"]).isEmpty)
    }

    @Test(arguments: WordRules.traps)
    func trap(word: String) {
        #expect(WordRules.trapping(file("Sources/Wire/A.swift", "    let a = \(word) x\n")).count == 1)
        #expect(WordRules.trapping(file("Makefile", "build:\n\tswiftc \(word)\n")).count == 1)
        #expect(WordRules.trapping(file("Sources/Wire/A.swift", "/// Never \(word)\n")).isEmpty)
        #expect(WordRules.trapping(file("docs/style.md", "Never \(word)\n")).isEmpty)
    }

    @Test func existential() {
        let bad = "    let port: any CompletionPort\n"
        let paths = ["Gori/Worker+Flush.swift", "Gori/Worker/Worker.swift", "Gori/Session.swift", "Gori/Backlog.swift"]
        for path in paths + ["Overlapped/Uring/UringPort.swift"] {
            #expect(WordRules.existentials(file("Sources/" + path, bad)).count == 1)
        }
        #expect(WordRules.existentials(file("Sources/Gori/Server.swift", bad)).isEmpty)
        let good = "/// Is there any left?\nlet many = \"any \\(x) here\" // any\n"
        #expect(WordRules.existentials(file("Sources/Gori/Worker.swift", good)).isEmpty)
    }

    @Test func copy() {
        let bad = "extension Worker {\n    private func look() -> Int { 1 }\n}\n"
        for name in ["Worker", "Worker+Turn", "WorkerCore", "WorkerCore+Output"] {
            let path = "Sources/Gori/Workers/\(name).swift"
            #expect(WordRules.copies(file(path, bad)).count == 1)
            #expect(WordRules.copies(file(path, bad.replacing("private func", with: "private mutating func"))).isEmpty)
            let inlined = bad.replacing("    private", with: "    @inline(__always)\n    private")
            #expect(WordRules.copies(file(path, inlined)).isEmpty)
        }
        #expect(WordRules.copies(file("Sources/Gori/Workers/WorkerContext.swift", bad)).isEmpty)
    }

    @Test(arguments: ["for x in names.keys {", "let a = Set(b)", "for x in d.values {"])
    func disorder(line: String) {
        #expect(!WordRules.disorder(file("Sources/World/A.swift", line + "\n")).isEmpty)
        #expect(WordRules.disorder(file("Sources/World/A.swift", line + " // order does not matter: sum\n")).isEmpty)
        #expect(WordRules.disorder(file("Sources/Bots/A.swift", line + "\n")).isEmpty)
    }

    @Test func memberOfASet() {
        let good = "var seen: Set<Int> = []\nlet sectors = SectorSet(seen)\nlet key = keys[0]\n"
        #expect(WordRules.disorder(file("Sources/World/A.swift", good)).isEmpty)
    }

    @Test(arguments: WordRules.random)
    func chance(word: String) {
        #expect(WordRules.chance(file("Sources/World/A.swift", "let a = x\(word)\n")).count == 1)
        #expect(WordRules.chance(file("Sources/Bots/A.swift", "let a = x\(word)\n")).isEmpty)
    }

    @Test func oneMachine() {
        for path in WordRules.machinePaths {
            #expect(WordRules.oneMachine(file("a.md", "see \(path)tree\n")).count == 1)
            #expect(WordRules.oneMachine(file("a.md", "\(path)tree\n")).count == 1)
            #expect(WordRules.oneMachine(file("a.md", "see net\(path)tree and ../a\(path)tree\n")).isEmpty)
        }
        for host in WordRules.machineHosts {
            #expect(WordRules.oneMachine(file("a.md", "from \(host)\n")).count == 1)
        }
    }
}
