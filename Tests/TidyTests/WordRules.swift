// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Rules of words that have no place in the code, or in some of it. The words are put together from parts, so that
/// this file does not offend itself.
enum WordRules {
    /// Traps on what a stranger may send, and switches that turn checks off.
    static let traps = ["try" + "!", "as" + "!", "fatalError(\"TO" + "DO", "-O" + "unchecked"]

    static func trapping(_ file: SourceFile) -> [String] {
        let isCode = file.path.hasSuffix(".swift") || file.name == "Makefile"
        guard isCode, !file.path.hasPrefix("Tests/TidyTests/") else { return [] }
        return file.lines.enumerated().flatMap { index, line -> [String] in
            guard !line.trimmed.hasPrefix("//") else { return [] }
            return traps.filter(line.contains).map {
                file.at(index, "`\($0)` traps or hides a check: handle the failure, or close the session with a reason")
            }
        }
    }

    /// What runs for every packet or completion: the folder, and how the names of its files begin.
    static let hot = [
        ("Sources/Gori/", "Worker"), ("Sources/Gori/", "Backlog"), ("Sources/Gori/", "Session"),
        ("Sources/Overlapped/Uring/", ""), ("Sources/Overlapped/Epoll/", ""),
    ]

    static func isHot(_ file: SourceFile) -> Bool {
        hot.contains { file.path.hasPrefix($0) && file.name.hasPrefix($1) }
    }

    static func existentials(_ file: SourceFile) -> [String] {
        guard isHot(file) else { return [] }
        return file.code.enumerated().filter { $0.element.hasWord("any") }.map {
            file.at($0.offset, "`any` allocates and calls through a table on the hot path: use a generic")
        }
    }

    /// Methods of a worker or its core that the compiler would copy all of it for.
    static func copies(_ file: SourceFile) -> [String] {
        let name = file.name.dropLast(".swift".count).prefix { $0 != "+" }
        guard file.module == "Gori", ["Worker", "WorkerCore"].contains(name) else { return [] }
        return file.code.enumerated().filter { index, line in
            let isMethod = ["func ", "private func ", "fileprivate func "].contains { line.trimmed.hasPrefix($0) }
            let isInlined = index > 0 && file.code[index - 1].trimmed.hasPrefix("@inline(__always)")
            return isMethod && !isInlined
        }.map {
            file.at($0.offset, "a method that only borrows copies all of `\(name)` at every call: make it `mutating`")
        }
    }

    static func locks(_ file: SourceFile) -> [String] {
        file.code.enumerated().filter { $0.element.hasWord("Mutex") }.map {
            file.at($0.offset, "`Mutex` looks like a race to ThreadSanitizer: use `Lock` of Platform")
        }
    }

    static let excuse = "// order does not matter:"
    /// Different from run to run, or from process to process.
    static let unordered = [".keys", ".values", "Set("]
    static let random = [
        "SystemRandomNumberGenerator", ".randomElement()", ".shuffled()", ".shuffle()", "Hasher()", ".hashValue",
        "ContinuousClock", "SuspendingClock",
    ]

    static func disorder(_ file: SourceFile) -> [String] {
        guard file.module == "World" else { return [] }
        return zip(file.lines, file.code).enumerated().flatMap { index, pair -> [String] in
            let (line, code) = pair
            guard !line.contains(excuse) else { return [] }
            return unordered.filter(code.hasBeginning).map {
                file.at(
                    index, "`\($0)` has another order in every run: use an array, or say `\(excuse) …` on the line")
            }
        }
    }

    static func chance(_ file: SourceFile) -> [String] {
        guard file.module == "World" else { return [] }
        return file.code.enumerated().flatMap { index, code in
            random.filter(code.contains).map {
                file.at(index, "`\($0)` is not replayed: the world draws from hash(seed, tick, entity, draw)")
            }
        }
    }

    /// Homes and workplaces of one machine, and hosts of package registries, which a mirror replaces.
    static let machinePaths = ["work", "farm", "root", "home", "Users", "build/agent"].map { "/" + $0 + "/" }
    static let machineHosts = ["deb.debian", "archive.ubuntu", "pypi", "files.pythonhosted", "registry.npmjs"]
        .map { $0 + (["pypi", "deb.debian", "files.pythonhosted", "registry.npmjs"].contains($0) ? ".org" : ".com") }

    static func oneMachine(_ file: SourceFile) -> [String] {
        file.lines.enumerated().flatMap { index, line -> [String] in
            let paths = machinePaths.filter { line.hasPath($0) }
            let hosts = machineHosts.filter(line.contains)
            return (paths + hosts).map {
                file.at(index, "`\($0)` means one machine: make it relative, an argument, or the environment's")
            }
        }
    }
}

extension String {
    /// Whether `text` stands here and is not the end of a longer name, as `Set(` is of `SectorSet(`.
    func hasBeginning(_ text: String) -> Bool {
        guard text.first?.isWordPart == true else { return contains(text) }
        var searched = startIndex..<endIndex
        while let found = range(of: text, range: searched) {
            if found.lowerBound == startIndex || !self[index(before: found.lowerBound)].isWordPart { return true }
            searched = found.upperBound..<endIndex
        }
        return false
    }

    /// Whether an absolute path begins with `prefix` here; a part of a longer path or of an address does not count.
    func hasPath(_ prefix: String) -> Bool {
        var searched = startIndex..<endIndex
        while let found = range(of: prefix, range: searched) {
            let before = found.lowerBound == startIndex ? " " : self[index(before: found.lowerBound)]
            if !before.isWordPart && !".-~}/)$".contains(before) { return true }
            searched = index(after: found.lowerBound)..<endIndex
        }
        return false
    }
}
