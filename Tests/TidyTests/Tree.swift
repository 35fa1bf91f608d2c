// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The checkout that these tests were built from.
enum Tree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().standardizedFileURL
    static var rootPath: String { root.path }

    /// Paths that belong to the project: tracked by git, or about to be; everything beside build output where there is
    /// no git.
    static let paths: [String] = gitPaths() ?? walkedPaths()

    /// The Swift files of `Sources`.
    static let sources: [SourceFile] = files { $0.hasPrefix("Sources/") && $0.hasSuffix(".swift") }

    /// Every file of the project that is text.
    static let texts: [SourceFile] = files { _ in true }

    private static func files(where isWanted: (String) -> Bool) -> [SourceFile] {
        paths.filter(isWanted).sorted().compactMap { path in
            guard let data = try? Data(contentsOf: root.appending(path: path)),
                let text = String(data: data, encoding: .utf8)
            else { return nil }
            return SourceFile(path: path, text: text)
        }
    }

    private static func gitPaths() -> [String]? {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "-C", root.path, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init)
    }

    private static func walkedPaths() -> [String] {
        let enumerator = FileManager.default.enumerator(atPath: root.path)
        var paths: [String] = []
        while let path = enumerator?.nextObject() as? String {
            let isBuilt = [".build", ".git/", "Benchmarks/.out", "Tests/Fuzz/.build"].contains(where: path.hasPrefix)
            if !isBuilt { paths.append(path) }
        }
        return paths
    }
}
