// SPDX-License-Identifier: Apache-2.0

/// The sections that say why: what was counted, and what shows that a variant is in force.
extension ReportContent {
    /// What was counted on both sides, left / right.
    func counters(_ summaries: [Summary]) -> Block {
        var table = Table(columns: [
            Text("left / right", "왼쪽 / 오른쪽"), Text("system calls/message", "메시지당 시스템 호출"),
            Text("completions/call", "호출당 완료"), Text("completions/message", "메시지당 완료"),
            Text("bytes/send", "send당 바이트"), Text("switches/1,000 messages", "메시지 천 개당 문맥 전환"),
            Text("of these forced", "그중 강제"), Text("bytes copied/message", "메시지당 복사 바이트"),
            Text("threads", "스레드"), Text("resident KiB", "상주 메모리 KiB"),
        ])
        for summary in summaries {
            let comparison = summary.comparison
            let isNamed = comparison.kind == .variants || comparison.kind == .peers
            let name = isNamed ? Text("\(comparison.right), ") : Text("")
            func both(isOurs: Bool = true, _ value: ([Slice]) -> Double) -> Text {
                let sides = [summary.left, summary.right].map { slices in
                    let isMissing = isOurs && slices.contains { $0.isWithoutCounters == true }
                    return isMissing ? "–" : Figures.short(value(slices))
                }
                return Text(sides.joined(separator: " / "))
            }
            func facts(_ value: (ServerFacts) -> Int) -> Text {
                Text("\(value(comparison.leftFacts)) / \(value(comparison.rightFacts))")
            }
            table.rows.append([
                name + comparison.workload.label, both { Summary.ratio(of: $0, \.systemCalls) },
                both { Summary.ratio(of: $0, \.completions, to: \.systemCalls) },
                both { Summary.ratio(of: $0, \.completions) },
                both { Summary.ratio(of: $0, \.bytesSent, to: \.sends) },
                both(isOurs: false) { Summary.ratio(of: $0) { $0.switchesVoluntary &+ $0.switchesForced } * 1_000 },
                both(isOurs: false) { Summary.ratio(of: $0, \.switchesForced) * 1_000 },
                both { Summary.ratio(of: $0, \.bytesCopied) }, facts(\.threads), facts(\.residentKiB),
            ])
        }
        return .table(table)
    }

    /// For each variant the counter that differs, in the first workload in which it does: some can show on many
    /// connections only.
    func evidence(_ summaries: [Summary]) -> Block {
        var table = Table(columns: [
            Text("variant", "변형"), Text("what it is", "내용"), Text("counter", "계수"), Text("default", "기본값"),
            Text("variant", "변형"), Text("in force", "적용됨"),
        ])
        table.wordColumns = 3
        for variant in VariantTable.all {
            let all = summaries.filter { $0.comparison.right == variant.name }
                .map { Self.shown(variant.evidence, $0) }
            guard let (left, right, differs) = all.first(where: { $0.2 }) ?? all.first else { continue }
            table.rows.append([
                variant.title, variant.meaning, Self.name(of: variant.evidence), Text(left), Text(right),
                differs ? Text("yes", "예") : Text("not shown", "보이지 않음"),
            ])
        }
        return .table(table)
    }

    /// A comparison where nothing around it says what is compared.
    static func name(_ comparison: Comparison) -> Text {
        comparison.workload.label + Text(", \(comparison.left) / \(comparison.right)")
    }

    private static func name(of evidence: Variant.Evidence) -> Text {
        switch evidence {
        case .systemCalls: Text("system calls/message", "메시지당 시스템 호출")
        case .completions: Text("completions/message", "메시지당 완료")
        case .completionsPerCall: Text("completions/call", "호출당 완료")
        case .submissions: Text("submissions/message", "메시지당 제출")
        case .sends: Text("sends/message", "메시지당 send")
        case .threads: Text("threads", "스레드")
        case .edgeTriggered: Text("edge-triggered watches", "edge-triggered 감시")
        case .descriptors: Text("open descriptors", "열린 기술자")
        case .zeroCopySends: Text("sends without a copy/message", "메시지당 복사 없는 send")
        case .receiveBundles: Text("bundles/message", "메시지당 묶음(bundle)")
        case .features: Text("features that the server uses", "서버가 쓰는 기능")
        }
    }

    private static func shown(_ evidence: Variant.Evidence, _ summary: Summary) -> (String, String, Bool) {
        let (left, right) = (summary.comparison.leftFacts, summary.comparison.rightFacts)
        switch evidence {
        case .systemCalls: return compared(summary) { Summary.ratio(of: $0, \.systemCalls) }
        case .completions: return compared(summary) { Summary.ratio(of: $0, \.completions) }
        case .completionsPerCall:
            return compared(summary) { Summary.ratio(of: $0, \.completions, to: \.systemCalls) }
        case .submissions: return compared(summary) { Summary.ratio(of: $0) { $0.submissions ?? 0 } }
        case .sends: return compared(summary) { Summary.ratio(of: $0, \.sends) }
        case .threads: return ("\(left.threads)", "\(right.threads)", left.threads != right.threads)
        case .edgeTriggered:
            let (one, other) = (left.edgeTriggered ?? 0, right.edgeTriggered ?? 0)
            return ("\(one)", "\(other)", one != other)
        case .descriptors: return ("\(left.descriptors)", "\(right.descriptors)", left.descriptors != right.descriptors)
        case .zeroCopySends: return compared(summary) { Summary.ratio(of: $0) { $0.zeroCopySends ?? 0 } }
        case .receiveBundles: return compared(summary) { Summary.ratio(of: $0) { $0.receiveBundles ?? 0 } }
        case .features:
            let gone = left.features.split(separator: " ").filter {
                !right.features.split(separator: " ").contains($0)
            }
            return ("\(left.features.split(separator: " ").count)", "− " + gone.joined(separator: ", "), !gone.isEmpty)
        }
    }

    /// Two numbers that a twentieth apart are different: counts are steadier than times.
    private static func compared(_ summary: Summary, _ value: ([Slice]) -> Double) -> (String, String, Bool) {
        let (left, right) = (value(summary.left), value(summary.right))
        return (Figures.short(left), Figures.short(right), abs(left - right) > 0.05 * max(left, right))
    }

    var undecided: [Block] {
        let open = (summaries(.ports) + summaries(.variants)).filter {
            let verdict = floor.verdict(of: $0, .processor)
            return !verdict.isDifference && verdict != .notJudged
        }
        guard !open.isEmpty else { return [] }
        let items = open.map { summary in
            let reach = summary[.processor].map { Figures.change(Logarithm.factor($0.reach)) } ?? "?"
            return Self.name(summary.comparison) + Text(": \(reach)")
        }
        return [
            .heading(Text("What this run cannot decide", "이 측정이 판정하지 못하는 것"), anchor: "undecided"),
            .paragraph(
                Text(
                    "No difference was shown here, which does not mean that there is none: one in CPU per message of up"
                        + " to so much may hide in the noise. More rotations or a quieter machine would show it.",
                    "차이가 보이지 않았다는 것이 차이가 없다는 뜻은 아님: 메시지당 CPU에서 아래만큼까지의 차이는 잡음에"
                        + " 묻힐 수 있음. 회전을 늘리거나 조용한 기계에서는 보일 수 있음.")),
            .list(items),
        ]
    }
}
