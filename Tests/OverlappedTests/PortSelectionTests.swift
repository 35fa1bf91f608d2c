// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Overlapped

@Suite struct PortSelectionTests {
    private static let ordinary = UringSurroundings(
        kernelRelease: "6.12.48-amd64", disabledLevel: 0, hasSeccompFilter: false, lockedMemoryLimit: 8 << 20,
        capabilities: 0)

    private static func with(_ change: (inout UringSurroundings) -> Void) -> UringSurroundings {
        var surroundings = ordinary
        change(&surroundings)
        return surroundings
    }

    private static func cause(
        _ code: Int32, _ surroundings: UringSurroundings, call: String = "io_uring_setup"
    ) -> UringRefusal.Cause {
        UringRefusal(PortError(call: call, code: code), in: surroundings).cause
    }

    @Test("a denial is the sysctl's, where it concerns this process, else the filter's, else the security module's")
    func denied() {
        let filtered = Self.with { $0.hasSeccompFilter = true }
        for code in [EPERM, EACCES] {
            #expect(Self.cause(code, Self.ordinary) == .securityModule)
            #expect(Self.cause(code, filtered) == .seccomp)
            #expect(Self.cause(code, Self.with { $0.disabledLevel = nil }) == .securityModule)
            for hasFilter in [false, true] {
                let off = Self.with { ($0.disabledLevel, $0.hasSeccompFilter) = (2, hasFilter) }
                #expect(Self.cause(code, off) == .switchedOff)
                let privileged = Self.with { ($0.disabledLevel, $0.hasSeccompFilter) = (1, hasFilter) }
                #expect(Self.cause(code, privileged) == .switchedOff)
            }
        }
        let administrator = Self.with { ($0.disabledLevel, $0.capabilities) = (1, 1 << 21) }
        #expect(Self.cause(EPERM, administrator) == .securityModule)
        let contained = Self.with { ($0.disabledLevel, $0.capabilities, $0.hasSeccompFilter) = (1, 1 << 21, true) }
        #expect(Self.cause(EPERM, contained) == .seccomp)
    }

    @Test("a call that is not there is an old kernel's, a filter's, or one built without it")
    func absent() {
        let old = Self.with { $0.kernelRelease = "5.15.0-91-generic" }
        #expect(Self.cause(ENOSYS, old) == .kernelTooOld)
        #expect(Self.cause(ENOSYS, Self.with { $0.hasSeccompFilter = true }) == .seccomp)
        #expect(Self.cause(ENOSYS, Self.ordinary) == .notBuilt)
        for code in [EINVAL, EOPNOTSUPP] {
            #expect(Self.cause(code, old) == .kernelTooOld)
            #expect(Self.cause(code, Self.ordinary) == .missingFeature)
            #expect(Self.cause(code, Self.ordinary, call: "io_uring multishot receive") == .missingFeature)
        }
    }

    @Test("no memory is the limit's, unless there is none or it does not count")
    func memory() {
        #expect(Self.cause(ENOMEM, Self.ordinary) == .lockedMemory)
        #expect(Self.cause(ENOMEM, Self.with { $0.lockedMemoryLimit = nil }) == .memory)
        #expect(Self.cause(ENOMEM, Self.with { $0.capabilities = 1 << 14 }) == .memory)
    }

    @Test("everything else is told apart from a refusal of the ring")
    func others() {
        #expect(Self.cause(EMFILE, Self.ordinary) == .descriptors)
        #expect(Self.cause(ENFILE, Self.ordinary, call: "socket") == .descriptors)
        #expect(Self.cause(ENETUNREACH, Self.ordinary, call: "connect to 127.0.0.1:1") == .trial)
        #expect(Self.cause(EPERM, Self.ordinary, call: "connect to 127.0.0.1:1") == .trial)
        #expect(Self.cause(EIO, Self.ordinary) == .other)
    }

    @Test("releases are read as far as they are numbers")
    func releases() {
        func older(_ release: String) -> Bool { Self.with { $0.kernelRelease = release }.isOlderThanNeeded }
        for release in ["5.19.17", "6.0.0", "4.4.0", "", "unknown", "6"] { #expect(older(release), "\(release)") }
        for release in ["6.1.0-28-amd64", "6.18.44", "6.1", "6.10-rc1", "7.0.0"] {
            #expect(!older(release), "\(release)")
        }
    }

    @Test("a refusal is one line that names the call, the errno, the cause and a remedy")
    func lines() {
        var seen: Set<String> = []
        for code in [EPERM, ENOSYS, EINVAL, ENOMEM, EMFILE, EIO] {
            for surroundings in [
                Self.ordinary, Self.with { $0.hasSeccompFilter = true }, Self.with { $0.disabledLevel = 2 },
                Self.with { $0.kernelRelease = "5.10.0" }, Self.with { $0.lockedMemoryLimit = nil },
            ] {
                let refusal = UringRefusal(PortError(call: "io_uring_setup", code: code), in: surroundings)
                let line = "\(refusal)"
                #expect(line.hasPrefix("io_uring_setup: \(String(cString: strerror(code)))"))
                #expect(line.contains(refusal.text) && line.hasSuffix(refusal.remedy))
                #expect(!line.contains("\n"))
                seen.insert(refusal.cause.rawValue)
            }
        }
        let expected: Set = [
            "security-module", "seccomp", "sysctl", "not-built", "kernel-too-old", "missing-feature", "memlock",
            "memory", "nofile", "other",
        ]
        #expect(seen == expected)
    }

    // MARK: The choice

    private static func select(
        _ preference: PortPreference, _ outcome: Result<UringFeatures, PortError>
    ) throws(PortError) -> PortSelection {
        try PortSelection.select(
            preference, surroundings: { ordinary }, probe: { () throws(PortError) in try outcome.get() })
    }

    private static let denial = PortError(call: "io_uring_setup", code: EPERM)

    @Test("io_uring is taken where it works")
    func works() throws {
        for preference in [PortPreference.auto, .uring] {
            let selection = try Self.select(preference, .success([.silentSend]))
            #expect(selection.port == .uring && selection.features == [.silentSend] && selection.refusal == nil)
            #expect(selection.reason.hasPrefix("io_uring"))
        }
    }

    @Test("left the choice, a refusal means epoll, and the reason says why")
    func refused() throws {
        for code in [EPERM, ENOSYS, ENOMEM, EINVAL, EMFILE] {
            let selection = try Self.select(.auto, .failure(PortError(call: "io_uring_setup", code: code)))
            #expect(selection.port == .epoll && selection.features.isEmpty)
            let refusal = try #require(selection.refusal)
            #expect(refusal.code == code && selection.reason == "epoll, because \(refusal)")
        }
    }

    @Test("asked for io_uring, a refusal is an error with cause and remedy")
    func forced() throws {
        let error = try #require(throws: PortError.self) { try Self.select(.uring, .failure(Self.denial)) }
        #expect(error.code == EPERM)
        #expect("\(error)" == "\(UringRefusal(Self.denial, in: Self.ordinary))")
    }

    @Test("asked for epoll, io_uring is not tried")
    func unasked() throws {
        let selection = try PortSelection.select(
            .epoll, surroundings: { Self.ordinary },
            probe: { () throws(PortError) in
                Issue.record("io_uring was tried")
                throw Self.denial
            })
        #expect(selection.port == .epoll && selection.refusal == nil)
    }

    @Test("a ring that fails after the trial went well means epoll, or an error where io_uring was asked for")
    func later() throws {
        let shortage = PortError(call: "io_uring_setup", code: ENOMEM)
        let selection = try Self.select(.auto, .success(.all)).fallingBack(after: shortage)
        #expect(selection.port == .epoll && selection.features.isEmpty && selection.refusal?.code == ENOMEM)
        #expect(throws: PortError.self) { try Self.select(.uring, .success(.all)).fallingBack(after: shortage) }
    }

    @Test("this process and kernel are described as other files of /proc describe them")
    func here() throws {
        let surroundings = UringSurroundings.here()
        let release = try #require(ProcFile.text("/proc/sys/kernel/osrelease"))
        #expect(surroundings.kernelRelease + "\n" == release)
        let limits = try #require(ProcFile.text("/proc/self/limits"))
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max locked memory") })
        let words = line.split(separator: " ").map(String.init)
        #expect(words.count > 3 && words[3] == (surroundings.lockedMemoryLimit.map(String.init) ?? "unlimited"))
        #expect(try PortSelection.select(.auto).features == (try? UringPreflight.run()) ?? [])
    }
}
