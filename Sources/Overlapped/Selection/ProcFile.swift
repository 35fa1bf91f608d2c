// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reading the small text files of /proc and /sys, in which the kernel says how it is set.
public enum ProcFile {
    /// The first 16 KiB, which is all of every file this is for; nil when it cannot be read.
    public static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { return nil }
            if more == 0 { break }
            count += more
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The numbers in a file, separated by white space.
    public static func integers(_ path: String) -> [Int] {
        (text(path) ?? "").split { $0.isWhitespace }.compactMap { Int($0) }
    }

    /// The one number of a text, whatever white space is around it.
    public static func integer(_ text: String) -> Int? {
        let words = text.split { $0.isWhitespace }
        return words.count == 1 ? Int(words[0]) : nil
    }

    /// What follows `name:` on a line of its own.
    static func field(_ name: String, of text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
            return String(line.dropFirst(name.utf8.count + 1).drop { $0.isWhitespace })
        }
        return nil
    }

    /// As `uname -r` prints it.
    static var kernelRelease: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        return withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
