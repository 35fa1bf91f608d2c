// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Every input that the fuzzers have kept, run as they run it but without them.
@Suite("Corpus")
struct CorpusTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Corpus")

    /// A broken promise ends the process. `GORI_FUZZ_NAMES=1` then says with which file.
    @Test("what was found by fuzzing stays mended", arguments: FuzzTarget.allCases)
    func replay(target: FuzzTarget) throws {
        let folder = Self.corpus.appending(path: target.rawValue)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names.count > 10, "the corpus is in the repository")
        let isNaming = ProcessInfo.processInfo.environment["GORI_FUZZ_NAMES"] != nil
        for name in names {
            if isNaming { print("\(target.rawValue)/\(name)") }
            let input = [UInt8](try Data(contentsOf: folder.appending(path: name)))
            input.withUnsafeBufferPointer { target.run($0) }
        }
    }
}
