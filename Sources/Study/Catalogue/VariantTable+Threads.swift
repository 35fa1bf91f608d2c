// SPDX-License-Identifier: Apache-2.0

/// What servers were before they had an engine.
extension VariantTable {
    static let threads = [
        Variant(
            "threads", Text("thread per connection", "연결마다 스레드"),
            Text(
                "No engine: each connection has a thread that blocks in recv(2) and send(2).",
                "엔진 없음: 연결마다 recv(2)와 send(2)에서 기다리는 스레드 하나."),
            ["--thread-per-connection"], base: uring.name, evidence: .threads,
            workloads: [
                "echo-64-c1-d1", "echo-64-c50-d1", "echo-64-c500-d1", "echo-64-c5000-d1", "echo-16k-c50-d1",
                "packet-c50-d1", "broadcast-g10", "churn-c16",
            ], quick: ["echo-64-c50-d1", "echo-64-c500-d1"])
    ]
}
