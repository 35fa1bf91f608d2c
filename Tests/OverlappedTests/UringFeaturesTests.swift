// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Overlapped

@Suite struct UringFeaturesTests {
    @Test("every feature has a name of its own, and names are read back")
    func names() {
        var union: UringFeatures = []
        for (feature, name) in UringFeatures.names {
            #expect(feature.description == name)
            #expect(UringFeatures(names: name) == feature)
            #expect(union.isDisjoint(with: feature))
            union.formUnion(feature)
        }
        #expect(union == .all)
        #expect(Set(UringFeatures.names.map(\.1)).count == UringFeatures.names.count)
    }

    @Test("lists of names are unions; unknown names are refused")
    func lists() {
        #expect(UringFeatures(names: "") == [])
        #expect(UringFeatures(names: "all") == .all)
        #expect(UringFeatures(names: "message-ring,silent-send") == [.messageRing, .silentSend])
        #expect(UringFeatures(names: "all,message-ring") == .all)
        #expect(UringFeatures(names: "mesage-ring") == nil)
        #expect(UringFeatures(names: "message-ring, silent-send") == nil)
        #expect(UringFeatures.all.description.split(separator: " ").count == UringFeatures.names.count)
    }

    /// Major and minor number of the running kernel.
    private var kernel: (Int, Int) {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let numbers = release.split { !$0.isNumber }.compactMap { Int($0) }
        return (numbers.first ?? 0, numbers.count > 1 ? numbers[1] : 0)
    }

    @Test("the preflight finds what a kernel of this version brings, and finds it again")
    func found() throws {
        let features = try UringPreflight.run()
        #expect(features.contains(.silentSend), "every kernel from 6.1 on")
        if kernel >= (6, 18) { #expect(features == .all) }
        if kernel < (6, 12) { #expect(features.isDisjoint(with: [.incrementalBuffers, .absoluteTimer])) }
        if kernel < (6, 13) { #expect(!features.contains(.registeredFiles)) }
        for _ in 0..<5 { #expect(try UringPreflight.run() == features) }
    }

    @Test("the preflight leaves out what is switched off")
    func disabled() throws {
        let features = try UringPreflight.run()
        for (feature, _) in UringFeatures.names {
            // Tables need silent sends.
            let missing: UringFeatures =
                feature == .silentSend ? [.silentSend, .directDescriptors, .registeredFiles] : feature
            #expect(try UringPreflight.run(disabled: feature) == features.subtracting(missing))
        }
        #expect(try UringPreflight.run(disabled: .all) == [])
    }

    @Test("making and dropping ports leaves no descriptor behind")
    func noLeak() async {
        // In a process of its own, because elsewhere in this one descriptors come and go.
        await #expect(processExitsWith: .success) {
            func count() -> Int { (0..<4_096).count { fcntl(Int32($0), F_GETFD) >= 0 } }
            _ = try UringPreflight.run()
            let before = count()
            for round in 0..<100 {
                let features: UringFeatures = round % 2 == 0 ? try UringPreflight.run() : []
                var port = try UringPort(capacity: 10, features: features)
                try port.open()
            }
            guard count() <= before else { throw PortError(call: "descriptors left behind", code: EMFILE) }
        }
    }
}
