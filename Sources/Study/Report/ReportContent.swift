// SPDX-License-Identifier: Apache-2.0

/// What a report says, as blocks: the sections in their order.
struct ReportContent {
    static let title = Text("io_uring and epoll, the same server", "같은 서버, io_uring과 epoll")

    let results: Results
    let summaries: [Summary]
    let floor: NoiseFloor

    init(_ results: Results) {
        self.results = results
        summaries = results.comparisons.map(Summary.init)
        floor = NoiseFloor(summaries, processors: results.machine.processors)
    }

    var blocks: [Block] {
        opening + findings + sameAgainstItself + ports + variants + peers + undecided + method + machine + notMeasured
    }

    func summaries(_ kind: Comparison.Kind) -> [Summary] {
        summaries.filter { $0.comparison.kind == kind && !$0.left.isEmpty }
    }

    // MARK: Opening

    private var opening: [Block] {
        let machine = results.machine
        let revision = results.revision.isEmpty ? "" : ", git \(results.revision)"
        let run = results.settings.isQuick ? Text("a short run", "짧은 측정") : Text("a full run", "전체 측정")
        let time =
            results.seconds < 120
            ? Text("\(Figures.whole(results.seconds)) s", "\(Figures.whole(results.seconds))초")
            : Text("\(Figures.whole(results.seconds / 60)) min", "\(Figures.whole(results.seconds / 60))분")
        return [
            .paragraph(
                Text(
                    "gori \(results.gori)\(revision), \(results.began), \(run.english) of \(time.english) on"
                        + " \(machine.processor), \(machine.processors) processors, Linux \(machine.kernel).",
                    "gori \(results.gori)\(revision), \(results.began), \(machine.processor), 프로세서"
                        + " \(machine.processors)개, Linux \(machine.kernel)에서 \(time.korean) 동안의 \(run.korean)."))
        ] + warnings.map(Block.warning)
    }

    private var warnings: [Text] {
        var warnings: [Text] = []
        if results.build == "debug" {
            warnings.append(
                Text("A debug build was measured: the figures mean nothing.", "디버그 빌드로 측정함: 수치에 의미가 없음."))
        }
        if results.wasInterrupted {
            warnings.append(
                Text("The run was ended early: this is what it had.", "측정이 중간에 끝남: 그때까지의 결과."))
        }
        if results.machine.serverCore == nil {
            warnings.append(
                Text(
                    "One processor only: server and load shared it.", "프로세서가 하나뿐: 서버와 부하가 함께 씀."))
        }
        let failed = results.comparisons.count { $0.failure != nil }
        if failed > 0 {
            warnings.append(
                Text("\(failed) comparisons failed; see the end.", "비교 \(failed)개가 실패함. 끝에 있음."))
        }
        for summary in summaries(.same) where floor.verdict(of: summary, .processor).isDifference {
            let change = Figures.change(summary[.processor]?.median ?? 1)
            let label = summary.comparison.workload.label
            warnings.append(
                Text(
                    "A/A found a difference where there is none (\(label.english), \(change) of CPU per message):"
                        + " differences up to that size are not called one.",
                    "A/A에서 없어야 할 차이가 나옴 (\(label.korean), 메시지당 CPU \(change)): 그만큼의 차이는 차이로 보지 않음."))
        }
        return warnings
    }

    // MARK: Findings

    private var findings: [Block] {
        let decided = summaries(.ports)
        guard !decided.isEmpty else { return [] }
        let verdicts = decided.map { floor.verdict(of: $0, .processor) }
        let (cheaper, dearer) = (verdicts.count { $0 == .more }, verdicts.count { $0 == .less })
        let open = decided.count - cheaper - dearer
        return [
            .heading(Text("What came out", "결과"), anchor: "findings"),
            .paragraph(
                Text(
                    "CPU per message in \(decided.count) workloads: io_uring takes less in \(cheaper), epoll in"
                        + " \(dearer), and \(open) are undecided.",
                    "작업 부하 \(decided.count)개의 메시지당 CPU: io_uring이 적은 것 \(cheaper)개, epoll이 적은 것"
                        + " \(dearer)개, 판정하지 못한 것 \(open)개.")),
            .list(decided.map(sentence)),
        ]
    }

    private func sentence(_ summary: Summary) -> Text {
        let label = summary.comparison.workload.label
        guard let estimate = summary[.processor] else { return label }
        let interval = "\(Figures.ratio(estimate.low))–\(Figures.ratio(estimate.high))"
        let change = Figures.change(estimate.median)
        let finding: Text
        switch floor.verdict(of: summary, .processor) {
        case .more:
            finding = Text("epoll takes \(change) more CPU per message", "epoll이 메시지당 CPU를 \(change) 더 씀")
        case .less:
            finding = Text("epoll takes \(change) less CPU per message", "epoll이 메시지당 CPU를 \(change) 덜 씀")
        case .notJudged:
            finding = Text("too few processors for a verdict", "판정하기에는 프로세서가 너무 적음")
        case .noDifference:
            finding = Text("no difference that this run can show", "이 측정으로 보일 수 있는 차이 없음")
        case .tooFew:
            finding = Text("too few rotations for a verdict", "판정하기에는 회전이 너무 적음")
        }
        return label + Text(": ") + finding + Text(" (\(interval)).")
    }
}

extension Verdict {
    /// Something may be said.
    var isDifference: Bool { self == .less || self == .more }

    /// What stands behind a ratio in a table.
    var sign: String {
        switch self {
        case .less: "↓"
        case .more: "↑"
        case .noDifference: "="
        case .tooFew: "?"
        case .notJudged: "–"
        }
    }
}
