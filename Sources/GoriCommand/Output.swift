// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Lines for programs go to standard output, everything else to standard error; each is flushed at once.
enum Output {
    /// A line that a program may read.
    static func line(_ text: String) { write(text, to: FileHandle.standardOutput) }

    /// A line of log.
    static func log(_ text: String) { write(text, to: FileHandle.standardError) }

    /// The one line of a failure.
    static func error(_ text: String) { write("gori: \(text)", to: FileHandle.standardError) }

    /// Writes what `--json` asks for; '-' is standard output.
    static func write(_ json: Data, to path: String) throws {
        do {
            if path == "-" {
                try FileHandle.standardOutput.write(contentsOf: json)
            } else {
                try json.write(to: URL(filePath: path))
            }
        } catch {
            throw RunFailure("cannot write \(path): \(error.localizedDescription); give another --json")
        }
    }

    private static func write(_ text: String, to handle: FileHandle) {
        try? handle.write(contentsOf: Data((text + "\n").utf8))
    }
}
