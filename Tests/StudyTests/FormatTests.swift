// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Study

/// How results are read, and how numbers and foreign text are written.
@Suite("Formats")
struct FormatTests {
    private func fault(_ text: String) -> String {
        do {
            _ = try ResultsFile.decode(Data(text.utf8))
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func whatIsNoResultIsNamed() throws {
        #expect(fault("") == "no results of gori study: there is no \"schema\"")
        #expect(fault("[1]").contains("schema"))
        #expect(fault("{\"schema\":\"gori-study-9\"}") == "it is 'gori-study-9', and this program reads 'gori-study-1'")
        #expect(fault("{\"schema\":\"gori-study-1\"}").contains("has no \""))
        let text = String(decoding: try ResultsFile.encode(Samples.usual), as: UTF8.self)
        let damaged = text.replacing("\"seconds\":0.1", with: "\"seconds\":\"x\"")
        #expect(fault(damaged).hasPrefix("damaged: comparisons.Index 0.slices.Index 0.seconds: "))
        #expect(fault(text).isEmpty)
    }

    @Test func numbers() {
        #expect(Figures.short(0.06251) == "0.0625")
        #expect(Figures.short(2.004) == "2.00")
        #expect(Figures.short(12_345.6) == "12346")
        #expect(Figures.short(0) == "0")
        #expect(Figures.short(0.00001) == "0.0000")
        #expect(Figures.short(.nan) == "–")
        #expect(Figures.whole(1_234_567.8) == "1,234,568")
        #expect(Figures.whole(999) == "999")
        #expect(Figures.whole(-1_000) == "-1,000")
        #expect(Figures.whole(.infinity) == "–")
        #expect(Figures.percent(0.0123) == "1.2 %")
        #expect(Figures.percent(0.25) == "25 %")
        #expect(Figures.change(0.9) == "10 %")
    }

    @Test func foreignText() {
        #expect(Escape.html("<a href=\"x\">&") == "&lt;a href=&quot;x&quot;&gt;&amp;")
        #expect(Escape.cell("a|b\n<c>") == "a\\|b &lt;c>")
        #expect(Escape.field("plain") == "plain")
        #expect(Escape.field("a,\"b\"") == "\"a,\"\"b\"\"\"")
    }

    @Test("A plot has a mark for each row, and its scale holds every interval") func plot() throws {
        let estimate = try #require(Estimate(Array(repeating: 4, count: 8)))
        let row = ForestPlot.Row(label: Text("a < b", "a > b"), dots: [3.9, 4.1], estimate: estimate, verdict: .more)
        let svg = ForestPlot(title: Text("t"), lessIsBetter: true, rows: [row, row]).svg
        #expect(svg.components(separatedBy: "<circle class=\"bad\"").count == 3)
        #expect(
            svg.contains("lang=\"en\" x=\"4\" y=\"29.0\">a &lt; b</text>") && svg.contains("a &gt; b")
                && svg.contains(">4.00</text>"))
        #expect(!svg.contains("nan"))
    }
}
