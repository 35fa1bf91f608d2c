// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// Variants that give the kernel memory in another way: pages that are sent as they lie, and several buffers at once.
extension VariantTable {
    static let memory: [Variant] = [
        Variant(
            "zero-copy-send", Text("zero-copy send", "복사 없는 send"),
            Text(
                "Echoes of 16 KiB and more name the receive buffers until the peer has them; loopback copies anyway.",
                "16 KiB 이상의 echo는 상대가 받을 때까지 수신 버퍼를 그대로 가리킴. loopback에서는 커널이 어차피 복사함."),
            ["--io", "uring", "--techniques", "zero-copy-send"], base: uring.name, evidence: .zeroCopySends,
            needs: .silentSend, workloads: ["echo-16k-c1-d1", "echo-16k-c50-d1", "echo-16k-c50-d16"]),
        Variant(
            "receive-bundles", Text("receive bundles (experimental)", "receive bundle (실험적)"),
            Text(
                "One completion for several buffers of 4 KiB instead of one large buffer that fills up.",
                "채워 가는 큰 버퍼 하나 대신 4 KiB 버퍼 여러 개를 완료 하나로 받음."),
            ["--io", "uring", "--techniques", "receive-bundles"], base: uring.name, evidence: .receiveBundles,
            workloads: ["echo-16k-c1-d1", "echo-16k-c50-d1", "echo-16k-c50-d16"]),
    ]
}
