// SPDX-License-Identifier: Apache-2.0

/// The sections with plots and tables.
extension ReportContent {
    var sameAgainstItself: [Block] {
        let same = summaries(.same)
        var blocks: [Block] = [.heading(Text("A/A: the same against itself", "A/A: 같은 것끼리"), anchor: "same")]
        guard !same.isEmpty else {
            let missing = Text(
                "Nothing was measured against itself: no verdict of this report is worth anything.",
                "같은 것끼리 측정하지 못함: 이 보고서의 판정은 믿을 수 없음.")
            return blocks + [.warning(missing)]
        }
        blocks.append(
            .paragraph(
                Text(
                    "Two processes of the same variant, measured like everything else. Whatever differs here is"
                        + " noise: a difference is called one only when it is larger than these, for the same"
                        + " kind of load. Whether any of these is one is asked of all of them at once: of many"
                        + " intervals of 99 % one misses the truth by chance, so each is held to one so much wider"
                        + " that all of them hold it in 99 reports of 100 (Bonferroni).",
                    "같은 변형의 두 프로세스를 다른 비교와 똑같이 측정함. 여기서 나온 차이는 모두 잡음이며, 같은 종류의"
                        + " 부하에서 이보다 큰 것만 차이로 봄. 이 가운데 차이가 있는지는 모두에게 한꺼번에 물음: 99 % 구간이"
                        + " 많으면 하나쯤은 우연히 참값을 벗어나므로, 보고서 100개 중 99개에서 모두가 참값을 포함할 만큼"
                        + " 넓힌 구간으로 판정함(본페로니).")))
        let clean = same.count { !floor.verdict(of: $0, .processor).isDifference }
        blocks.append(
            .paragraph(
                Text(
                    "No difference in CPU per message: \(clean) of \(same.count).",
                    "메시지당 CPU에 차이 없음: \(same.count)개 중 \(clean)개.")))
        let widest = Metric.allCases.map { metric in
            same.compactMap { $0[metric]?.reach }.max().map(Self.factor) ?? .nan
        }
        var table = Table(columns: [
            Text("", ""), Text("largest A/A difference", "가장 큰 A/A 차이"),
            Text("smallest effect that is sure to show", "확실히 보이는 가장 작은 효과"),
        ])
        for (metric, reach) in zip(Metric.allCases, widest) {
            table.rows.append([
                metric.title, Text(Figures.change(Self.factor(floor[metric]))), Text(Figures.change(reach)),
            ])
        }
        return blocks + [.table(table), plot(.processor, same), costs(same)]
    }

    var ports: [Block] {
        let ports = summaries(.ports)
        guard !ports.isEmpty else { return [] }
        return [
            .heading(Text("io_uring / epoll", "io_uring / epoll"), anchor: "ports"),
            .paragraph(
                Text(
                    "Left is io_uring, right is epoll, each as it is by default. Ratios are epoll to io_uring: CPU and"
                        + " delays above 1 speak for io_uring, throughput below 1 does.",
                    "왼쪽은 io_uring, 오른쪽은 epoll의 기본값. 비율은 io_uring에 대한 epoll의 값: CPU와 지연은 1보다 클"
                        + " 때, 처리량은 1보다 작을 때 io_uring이 나음.")),
            .paragraph(Self.signs),
            plot(.processor, ports), plot(.throughput, ports), costs(ports), delays(ports), counters(ports),
        ] + loads(ports)
    }

    var variants: [Block] {
        let variants = summaries(.variants)
        guard !variants.isEmpty else { return [] }
        return [
            .heading(Text("What single features do", "기능 하나하나의 효과"), anchor: "variants"),
            .paragraph(
                Text(
                    "Each variant beside the default that it differs from, in workloads that can show it. The counter"
                        + " shows that it is in force.",
                    "변형마다 그 기본값과, 효과가 보일 수 있는 부하에서 비교함. 계수가 실제로 적용되었음을 보임.")),
            evidence(variants), plot(.processor, variants), costs(variants), delays(variants), counters(variants),
        ]
    }

    var peers: [Block] {
        let peers = summaries(.peers)
        guard !peers.isEmpty else { return [] }
        var table = Table(columns: [Text("server", "서버"), Text("built on", "기반")], wordColumns: 2)
        for peer in results.peers ?? [] where peers.contains(where: { $0.comparison.right == peer.name }) {
            table.rows.append([Text(peer.name), Text(peer.version)])
        }
        let own = peers.first?.comparison.left ?? ""
        return [
            .heading(Text("Servers of others", "다른 서버들"), anchor: "peers"),
            .paragraph(
                Text(
                    "Left is \(own) as it is by default, right is a server on another framework that does the same and"
                        + " no more, with one thread that serves. Ratios are of the other to ours: CPU and delays above"
                        + " 1 speak for ours, throughput below 1 does. They have no sessions, limits, timeouts or"
                        + " counters, which ours has: what only ours counts is `–` for them.",
                    "왼쪽은 \(own)의 기본값, 오른쪽은 다른 프레임워크로 같은 일만 하는, 서비스 스레드가 하나인 서버. 비율은"
                        + " 우리 것에 대한 다른 것의 값: CPU와 지연은 1보다 클 때, 처리량은 1보다 작을 때 우리 것이 나음."
                        + " 다른 서버에는 우리 것이 가진 세션, 제한, 타임아웃, 계수가 없음: 우리만 세는 것은 `–`.")),
            .table(table), plot(.processor, peers), plot(.throughput, peers), costs(peers), delays(peers),
            counters(peers),
        ]
    }

    static let signs = Text(
        "Each ratio is the median over the rotations, with the 99 % interval of its bootstrap. ↓ less, ↑ more, = no"
            + " difference, ? too few rotations, – too few processors to judge. In plots red is where the right side is"
            + " worse, green where it is better, and every rotation is a faint mark.",
        "비율은 회전들의 중앙값과 그 부트스트랩 99 % 구간. ↓ 적음, ↑ 많음, = 차이 없음, ? 회전 부족, – 프로세서가 적어 판정하지 않음. 그림에서"
            + " 빨강은 오른쪽이 나쁜 것, 초록은 나은 것, 흐린 눈금은 회전 하나하나.")

    private static func factor(_ distance: Double) -> Double { Logarithm.factor(distance) }

    // MARK: Parts

    private func label(_ summary: Summary) -> Text {
        let comparison = summary.comparison
        switch comparison.kind {
        case .same: return comparison.workload.label + Text(", \(comparison.left)")
        case .ports: return comparison.workload.label
        case .variants, .peers: return Text("\(comparison.right), ") + comparison.workload.label
        }
    }

    private func plot(_ metric: Metric, _ summaries: [Summary]) -> Block {
        let rows = summaries.compactMap { summary in
            summary[metric].map { estimate in
                ForestPlot.Row(
                    label: label(summary),
                    dots: zip(summary.left, summary.right).map { metric.value(of: $1) / metric.value(of: $0) },
                    estimate: estimate, verdict: floor.verdict(of: summary, metric))
            }
        }
        let title = Text(
            "\(metric.title.english), right to left", "\(metric.title.korean), 왼쪽에 대한 오른쪽의 비율")
        return .plot(ForestPlot(title: title, lessIsBetter: metric != .throughput, rows: rows))
    }

    private func ratio(_ summary: Summary, _ metric: Metric) -> Text {
        Text("\(Figures.estimate(summary[metric])) \(floor.verdict(of: summary, metric).sign)")
    }

    private func costs(_ summaries: [Summary]) -> Block {
        var table = Table(columns: [
            Text("left / right", "왼쪽 / 오른쪽"), Text("CPU ns/message", "메시지당 CPU ns"), Text("ratio", "비율"),
            Text("messages/s", "초당 메시지"), Text("ratio", "비율"), Text("rotations", "회전"),
            Text("disturbed", "방해받음"),
        ])
        for summary in summaries {
            let note = summary.isNoisy ? " !" : ""
            table.rows.append([
                label(summary), figures(summary, .processor), ratio(summary, .processor),
                figures(summary, .throughput), ratio(summary, .throughput), Text("\(summary.left.count)"),
                Text("\(summary.disturbedRotations)\(note)"),
            ])
        }
        return .table(table)
    }

    private func figures(_ summary: Summary, _ metric: Metric) -> Text {
        let values = [summary.left, summary.right].map { slices in
            let value = Summary.median(of: slices, metric.value)
            return metric == .throughput ? Figures.whole(value) : Figures.short(value)
        }
        return Text(values.joined(separator: " / "))
    }

    private func delays(_ summaries: [Summary]) -> Block {
        let metrics = [Metric.p50, .p99, .p999]
        var table = Table(columns: [Text("left / right", "왼쪽 / 오른쪽")])
        for metric in metrics { table.columns += [metric.title + Text(" µs"), Text("ratio", "비율")] }
        for summary in summaries {
            table.rows.append(
                [label(summary)] + metrics.flatMap { [figures(summary, $0), ratio(summary, $0)] })
        }
        return .table(table)
    }
}
