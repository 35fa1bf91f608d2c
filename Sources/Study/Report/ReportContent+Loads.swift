// SPDX-License-Identifier: Apache-2.0

/// What is said of loads of which messages a second are not the point: streams, intended times, slow readers.
extension ReportContent {
    /// A load was kept up with when so much of what was due was answered within a slice.
    static let keptUp = 0.99

    func loads(_ summaries: [Summary]) -> [Block] {
        streams(summaries.filter { $0.comparison.workload.traffic == .stream })
            + openLoops(summaries.filter { $0.comparison.workload.traffic == .open })
            + slowReaders(summaries.filter { $0.comparison.workload.traffic == .slow })
    }

    private func streams(_ summaries: [Summary]) -> [Block] {
        guard !summaries.isEmpty else { return [] }
        var table = Table(columns: [
            Text("left / right", "왼쪽 / 오른쪽"), Text("MiB/s each way", "방향마다 MiB/s"), Text("CPU ns/KiB", "KiB당 CPU ns"),
        ])
        for summary in summaries {
            let size = Double(summary.comparison.workload.size)
            table.rows.append([
                name(summary),
                both(summary) { Figures.whole(Metric.throughput.value(of: $0) * size / 1_048_576) },
                both(summary) { Figures.short(Metric.processor.value(of: $0) / size * 1_024) },
            ])
        }
        return [.table(table)]
    }

    private func openLoops(_ summaries: [Summary]) -> [Block] {
        guard !summaries.isEmpty else { return [] }
        var table = Table(columns: [
            Text("left / right", "왼쪽 / 오른쪽"), Text("messages/s due", "예정된 초당 메시지"),
            Text("messages/s answered", "응답된 초당 메시지"), Text("kept up", "따라감"),
        ])
        for summary in summaries {
            let due = Double(summary.comparison.workload.rate ?? 0)
            let answered = [summary.left, summary.right].map { Summary.median(of: $0, Metric.throughput.value) }
            let verdicts = answered.map { $0 >= Self.keptUp * due ? Text("yes", "예") : Text("no", "아니요") }
            table.rows.append([
                name(summary), Text(Figures.whole(due)),
                Text(answered.map(Figures.whole).joined(separator: " / ")), verdicts[0] + Text(" / ") + verdicts[1],
            ])
        }
        let note = Text(
            "With an open loop delays count from the time at which a message was due, whatever had been answered; they"
                + " mean something only where a side kept up, which is to have answered 99 % of what was due.",
            "열린 고리의 지연은 그때까지의 응답과 상관없이 메시지가 예정된 시각부터 셈. 예정된 것의 99 %에 응답한, 따라간"
                + " 쪽에서만 의미가 있음.")
        return [.paragraph(note), .table(table)]
    }

    private func slowReaders(_ summaries: [Summary]) -> [Block] {
        guard !summaries.isEmpty else { return [] }
        var table = Table(columns: [
            Text("left / right", "왼쪽 / 오른쪽"), Text("slow readers", "느린 독자"),
            Text("KiB held for all of them", "그들을 위해 보관한 KiB"),
        ])
        for summary in summaries {
            table.rows.append([
                name(summary), Text("\(summary.comparison.workload.slow ?? 0)"),
                both(summary) { slice in
                    Figures.whole(slice.bytesHeld.map { Double($0) / 1_024 } ?? .nan)
                },
            ])
        }
        let note = Text(
            "Slow readers ask for as much as is taken and read 4 KiB every ten milliseconds. All were still connected"
                + " at the end of every slice, every byte that came was the right one, and of none had more than"
                + " \(SlowReaders.most >> 20) MiB been taken that it had not read: a comparison fails otherwise.",
            "느린 독자는 받아 주는 만큼 요청하고 10밀리초마다 4 KiB를 읽음. 모두 조각이 끝날 때까지 연결되어 있었고, 온"
                + " 바이트는 모두 맞았으며, 읽지 않은 채 받아 준 것이 하나에"
                + " \(SlowReaders.most >> 20) MiB를 넘지 않았음: 그렇지 않으면 비교가 실패함.")
        return [.paragraph(note), .table(table)]
    }

    private func name(_ summary: Summary) -> Text { summary.comparison.workload.label }

    /// The figure of the slice in the middle of each side.
    private func both(_ summary: Summary, _ figure: (Slice) -> String) -> Text {
        let sides = [summary.left, summary.right].map { slices in
            let sorted = slices.sorted { Metric.throughput.value(of: $0) < Metric.throughput.value(of: $1) }
            return sorted.isEmpty ? "–" : figure(sorted[sorted.count / 2])
        }
        return Text(sides.joined(separator: " / "))
    }
}
