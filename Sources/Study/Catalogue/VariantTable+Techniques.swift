// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// Other ways to use the kernel than the default (`PortTechniques`).
extension VariantTable {
    private static func technique(
        _ name: String, of base: Variant, called variant: String? = nil, _ title: Text, _ meaning: Text,
        evidence: Variant.Evidence, leastProcessors: Int = 1, workloads: [String], quick: [String] = []
    ) -> Variant {
        Variant(
            variant ?? name, title, meaning, base.arguments + ["--techniques", name], base: base.name,
            evidence: evidence, leastProcessors: leastProcessors, workloads: workloads, quick: quick)
    }

    static let techniques: [Variant] = [
        technique(
            "one-shot-receive", of: uring, Text("one-shot receive"),
            Text("Each receive is a submission of its own.", "receive마다 제출 하나."),
            evidence: .submissions, workloads: ["echo-64-c50-d1", "echo-64-c500-d1", "echo-16k-c50-d1"],
            quick: ["echo-64-c50-d1"]),
        technique(
            "eager-task-run", of: uring, Text("eager task run"),
            Text(
                "Completions are prepared at every entry into the kernel, not in the worker's own wait only.",
                "worker의 대기에서만이 아니라 커널에 들어갈 때마다 완료를 처리함."),
            evidence: .completionsPerCall, workloads: ["echo-64-c500-d1", "broadcast-g100"],
            quick: ["echo-64-c500-d1"]),
        technique(
            "fixed-wait", of: uring, Text("fixed wait"),
            Text(
                "A wait for 16 completions, for 50 µs at most, instead of for one; nothing is gathered behind it.",
                "완료 하나 대신 16개를 최대 50 µs 동안 기다림. 그 뒤에 더 모으지 않음."),
            evidence: .completionsPerCall, workloads: ["echo-64-c50-d1", "echo-64-c500-d1", "echo-64-c1-d1"],
            quick: ["echo-64-c50-d1"]),
        technique(
            "submission-polling", of: uring, Text("submission polling"),
            Text(
                "A thread of the kernel takes submissions; sends say that they are done. It wants a processor of its"
                    + " own: on fewer than three it is reported and not judged.",
                "커널 스레드가 제출을 가져감. send는 완료를 알림. 프로세서 하나가 따로 필요하므로 세 개 미만에서는"
                    + " 수치만 싣고 판정하지 않음."),
            evidence: .threads, leastProcessors: 3, workloads: ["echo-64-c1-d1", "echo-64-c50-d1"],
            quick: ["echo-64-c50-d1"]),
        technique(
            "send-per-packet", of: uring, called: "uring-send-per-packet",
            Text("io_uring, a send per packet", "io_uring, 패킷마다 send"),
            Text(
                "Packets of a session go out one after the other, each in a submission of its own.",
                "세션의 패킷이 하나씩 각자의 제출로 나감."),
            evidence: .sends, workloads: ["packet-c50-d16", "broadcast-g100"], quick: ["packet-c50-d16"]),
        technique(
            "send-per-packet", of: epoll, called: "epoll-send-per-packet",
            Text("epoll, a send per packet", "epoll, 패킷마다 send"),
            Text("Each packet is a call of send(2).", "패킷마다 send(2) 한 번."),
            evidence: .sends, workloads: ["packet-c50-d16", "broadcast-g100"], quick: ["packet-c50-d16"]),
        technique(
            "level-triggered", of: epoll, Text("level-triggered"),
            Text(
                "epoll tells again for as long as there is something to read; one read each time.",
                "읽을 것이 있는 동안 epoll이 거듭 알림. 알림마다 한 번 읽음."),
            evidence: .edgeTriggered, workloads: ["echo-64-c50-d1", "echo-16k-c50-d16", "idle-c10000"],
            quick: ["echo-64-c50-d1"]),
    ]
}
