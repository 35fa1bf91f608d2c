// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// Every variant there is; a new one is an entry here.
public enum VariantTable {
    /// All, in the order of the report: the two defaults, then what differs from one of them.
    public static let all: [Variant] =
        [uring, epoll] + threads + withoutFeatures + others + techniques + memory

    /// The variant of a name.
    public static func named(_ name: String) -> Variant? { all.first { $0.name == name } }

    /// io_uring as the engine uses it by default.
    static let uring = Variant(
        "io_uring", Text("io_uring"),
        Text(
            "The default: multishot receive into shared buffers, silent sends inside the submission.",
            "기본값: 공유 버퍼로 받는 multishot receive, 제출 안에서 끝나는 조용한 send."),
        ["--io", "uring"])

    /// epoll as the engine uses it by default.
    static let epoll = Variant(
        "epoll", Text("epoll"),
        Text(
            "The default over epoll: edge-triggered, receive until short, one sendmsg(2) a session and turn.",
            "epoll의 기본값: edge-triggered, 짧게 올 때까지 receive, 세션과 턴마다 sendmsg(2) 한 번."),
        ["--io", "epoll"])

    private static func without(
        _ feature: String, _ meaning: Text, evidence: Variant.Evidence = .features, workloads: [String],
        quick: [String] = []
    ) -> Variant {
        Variant(
            "no-\(feature)", Text("without \(feature)", "\(feature) 없이"), meaning,
            ["--io", "uring", "--disable-features", feature], base: uring.name, evidence: evidence,
            needs: .init(names: feature) ?? [], workloads: workloads, quick: quick)
    }

    private static let withoutFeatures = [
        without(
            "silent-send", Text("Each send is a system call of its own.", "send마다 시스템 호출 한 번."),
            evidence: .systemCalls, workloads: ["echo-64-c50-d1", "echo-64-c500-d1", "broadcast-g100"],
            quick: ["echo-64-c50-d1"]),
        without(
            "incremental-buffers",
            Text("1,024 buffers of 4 KiB instead of large ones that fill up.", "채워 가는 큰 버퍼 대신 4 KiB 버퍼 1,024개."),
            evidence: .completions, workloads: ["echo-16k-c50-d1", "echo-16k-c50-d16", "echo-1k-c50-d16"],
            quick: ["echo-16k-c50-d1"]),
        without(
            "vectorized-send",
            Text("Gather lists go through a message header.", "gather 목록을 메시지 헤더로 넘김."),
            workloads: ["echo-64-c50-d1", "broadcast-g100"]),
        without(
            "receive-limit",
            Text("Greedy streams are cancelled and read singly.", "욕심 많은 스트림은 취소하고 하나씩 읽음."),
            workloads: ["echo-16k-c50-d16"]),
        without(
            "absolute-timer", Text("Waits have a relative deadline.", "상대 시각으로 기다림."),
            workloads: ["echo-64-c1-d1"]),
        without(
            "no-iowait", Text("An idle worker counts as waiting for a disk.", "쉬는 worker가 디스크 대기로 집계됨."),
            workloads: ["echo-64-c1-d1"]),
        without(
            "registered-files",
            Text("Every submission looks its descriptor up.", "모든 제출이 서술자를 찾아봄."),
            workloads: ["echo-64-c500-d1", "echo-64-c500-d16"]),
    ]

    private static let others = [
        Variant(
            "direct-descriptors", Text("direct descriptors"),
            Text("Sockets lie in the ring's own table alone.", "소켓이 링의 표 안에만 있음."),
            ["--io", "uring", "--direct-descriptors"], base: uring.name, evidence: .descriptors,
            needs: .directDescriptors, workloads: ["echo-64-c50-d1", "echo-64-c500-d1", "broadcast-g10"],
            quick: ["echo-64-c50-d1"]),
        Variant(
            "linux-6.1", Text("as on Linux 6.1", "Linux 6.1처럼"),
            Text(
                "Everything newer than the kernel of Debian 12 switched off, and silent sends with it.",
                "Debian 12 커널보다 새 기능과 조용한 send를 모두 끔."),
            ["--io", "uring", "--disable-features", "all"], base: uring.name, evidence: .systemCalls,
            workloads: ["echo-64-c50-d1", "echo-16k-c50-d1", "packet-c50-d16", "broadcast-g100"],
            quick: ["echo-64-c50-d1"]),
    ]
}
