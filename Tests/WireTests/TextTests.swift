// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct TextTests {
    private func isLegal(_ bytes: [UInt8]) -> Bool { isLegalText(bytes.span.bytes) }

    /// Swift's own opinion, and the one rule beyond it.
    private func reference(_ bytes: [UInt8]) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0)
    }

    @Test("the ends of every length are legal")
    func boundaries() {
        let scalars: [UInt32] = [0x01, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x1_0000, 0x10_FFFF]
        for value in scalars {
            guard let scalar = Unicode.Scalar(value) else {
                Issue.record("U+\(String(value, radix: 16)) is no scalar")
                continue
            }
            #expect(isLegal(Array(String(scalar).utf8)))
            #expect(isLegal(Array("a\(scalar)b\(scalar)".utf8)))
        }
        #expect(isLegal([]))
    }

    @Test(
        "overlong forms, surrogates, what lies above U+10FFFF, stray and missing continuations, and NUL are not",
        arguments: [
            [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF7, 0xBF, 0xBF, 0xBF],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
            [0xFE], [0xFF], [0x80], [0xBF], [0x61, 0x80], [0xC2], [0xC2, 0x41], [0xE2, 0x82], [0xE2, 0x82, 0x41],
            [0xF0, 0x9F, 0x98], [0xF0, 0x9F, 0x98, 0x41], [0x00], [0x61, 0x00, 0x62], [0xE2, 0x28, 0xA1],
        ] as [[UInt8]])
    func illegal(bytes: [UInt8]) {
        #expect(!isLegal(bytes))
        #expect(!isLegal([0x61, 0x62] + bytes))
        #expect(!isLegal(bytes + [0x61, 0x62]))
        #expect(!reference(bytes))
    }

    @Test("every two bytes are judged as Swift judges them")
    func allPairs() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max where isLegal([first, second]) != reference([first, second]) {
                Issue.record("\(first) \(second)")
            }
        }
    }

    @Test("random bytes are judged as Swift judges them")
    func random() {
        var dice = Dice(seed: 1)
        let leads: [UInt8] = [0x41, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5]
        var legal = 0
        for _ in 0..<(TestLevel.isFull ? 2_000_000 : 100_000) {
            // Mostly plausible: pure noise is refused at its first byte.
            var bytes: [UInt8] = []
            for _ in 0..<dice.within(1...3) {
                if dice.chance(10) { bytes += dice.bytes(1) }
                let lead = leads[dice.below(leads.count)]
                bytes.append(lead)
                let length = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3
                for _ in 0..<length {
                    bytes.append(dice.chance(97) ? 0x80 | UInt8(dice.below(64)) : UInt8(dice.below(256)))
                }
            }
            let expected = reference(bytes)
            if expected { legal += 1 }
            if isLegal(bytes) != expected { Issue.record("\(bytes) is \(expected)") }
        }
        #expect(legal > 1_000)
    }
}
