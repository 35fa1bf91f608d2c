// SPDX-License-Identifier: Apache-2.0

/// The sections that say how and where it was measured, and what was not.
extension ReportContent {
    var method: [Block] {
        let settings = results.settings
        let (warm, slice) = (settings.warmUpMilliseconds, settings.sliceMilliseconds)
        return [
            .heading(Text("How it was measured", "측정 방법"), anchor: "method"),
            .list([
                Text(
                    "A server is `gori echo` of this program with one worker, a process of its own on one processor;"
                        + " the load is another process on another processor. Nothing else is done on either.",
                    "서버는 이 프로그램의 `gori echo`, worker 하나, 한 프로세서에 고정된 별도의 프로세스. 부하는 다른"
                        + " 프로세서의 다른 프로세스."),
                Text(
                    "Where the system allows it, they talk in a network namespace of the run's own: a loopback, no"
                        + " firewall, nobody else's connections, and TCP with Reno, which paces nothing. What it was"
                        + " is below, with the machine.",
                    "시스템이 허락하면 이 실행만의 network namespace에서 통신함: loopback 하나, 방화벽도 남의 연결도 없고"
                        + " TCP는 pacing을 하지 않는 Reno. 실제로 무엇이었는지는 아래 기계의 표에."),
                Text(
                    "Both servers of a comparison are up and connected all the time. They take turns, A B then B A, in"
                        + " slices of \(warm) ms of warm-up and \(slice) ms that count; up to \(settings.rotations)"
                        + " rotations; starts of both processes: \(settings.starts).",
                    "비교하는 두 서버는 계속 켜져 연결되어 있음. A B, B A로 번갈아 준비 \(warm) ms와 측정 \(slice) ms;"
                        + " 최대 \(settings.rotations)회전, 두 프로세스를 \(settings.starts)번 새로 시작."),
                Text(
                    "The load is a closed loop on epoll and plain system calls: each connection keeps so many messages"
                        + " under way, and every byte that comes back is compared with what was sent. It never sleeps"
                        + " while it has a processor of its own. A message of broadcast is a delivery, one of"
                        + " connect-echo-close is a connection. In an open loop messages are due at a fixed rate"
                        + " instead, and in the world players walk once a second, whatever has been answered.",
                    "부하는 epoll과 보통 시스템 호출로 된 닫힌 고리: 연결마다 정해진 수의 메시지를 띄워 두고, 돌아온 모든"
                        + " 바이트를 보낸 것과 비교함. 프로세서가 따로 있으면 자지 않음. broadcast의 메시지는 배달"
                        + " 하나, connect-echo-close의 메시지는 연결 하나. 열린 고리에서는 메시지가"
                        + " 정해진 속도로 예정되고, 월드에서는 플레이어가 초마다 걸으며, 응답과 상관없음."),
                Text(
                    "The world is different: a server for each measurement, which only the players of `gori bots` use,"
                        + " and the other side does not run meanwhile. A message is a packet that a player receives,"
                        + " and a delay the time from which a move was due until its answer, which waits for the next"
                        + " tick.",
                    "월드는 다름: 측정마다 `gori bots`의 플레이어만 쓰는 새 서버를 켜며, 그동안 다른 쪽은 켜지 않음."
                        + " 메시지는 플레이어가 받은 패킷 하나, 지연은 이동이 예정된 시각부터 다음 틱을 기다린 응답까지."),
                Text(
                    "CPU per message is the server's own processor time (clock_getcpuclockid), user and system and the"
                        + " kernel's threads for it, divided by the messages answered. It comes first: a load that is"
                        + " slower than the server limits throughput and not this. Delays of a closed loop show stalls,"
                        + " not what a player feels.",
                    "메시지당 CPU는 서버의 프로세서 시간(clock_getcpuclockid; 사용자, 시스템, 커널 스레드)을 응답된"
                        + " 메시지로 나눈 것. 서버보다 느린 부하는 처리량을 제한해도 이것은 제한하지 못하므로 먼저 봄."
                        + " 닫힌 고리의 지연은 멈춤을 보일 뿐 플레이어가 느끼는 값이 아님."),
                Text(
                    "A ratio is taken within a rotation. The figure is the median over the rotations, its interval the"
                        + " 99 % percentile interval, expanded for few values, of a bootstrap with \(Bootstrap.draws)"
                        + " draws of whole rotations. Rotations that are like the one before them count for as many"
                        + " as say as much without that: n (1 − r) / (1 + r), r being the correlation of neighbours'"
                        + " ranks."
                        + " A difference is called one only where the interval excludes 1 and the median is farther"
                        + " from 1 than that of every A/A comparison of its kind of load (small messages, streams,"
                        + " slow readers, open loop, world), and only in"
                        + " \(Estimate.leastRotations) rotations or more.",
                    "비율은 한 회전 안에서 구함. 수치는 회전들의 중앙값, 구간은 회전을 \(Bootstrap.draws)번 다시 뽑은"
                        + " 부트스트랩의 99 % 백분위 구간(값이 적을 때를 위해 넓힘). 앞 회전과 닮은 회전들은 서로 독립인"
                        + " n (1 − r) / (1 + r)회전으로 셈(r은 이웃한 순위의 상관). 구간이 1을 포함하지 않고"
                        + " 중앙값이 같은 종류의 부하(작은 메시지, 대량 전송, 느린 독자, 열린 고리, 월드)의 모든"
                        + " A/A보다 1에서 멀며"
                        + " \(Estimate.leastRotations)회전 이상일 때만 차이로 봄."),
                Text(
                    "A rotation in which another process had one of our processors for more than a tenth of a slice is"
                        + " left out as disturbed, where enough others are left; `!` marks those where there were not.",
                    "다른 프로세스가 우리 프로세서를 측정 시간의 10분의 1 넘게 쓴 회전은, 나머지가 충분하면 방해받은"
                        + " 것으로 빼며, 충분하지 않은 곳에는 `!`."),
                Text(
                    "System calls, completions and bytes are the server's own counters, context switches those of the"
                        + " kernel for its threads, each over a whole slice from silence to silence. Bytes copied are"
                        + " those that a socket did not take at once. 16 deep with 16 KiB over 5,000 connections is"
                        + " left out: 1.3 GB under way would measure the kernel's memory.",
                    "시스템 호출, 완료, 바이트는 서버의 계수, 문맥 전환은 커널이 센 스레드의 값이며, 조용한 때부터 조용한"
                        + " 때까지의 값. 복사 바이트는 소켓이 바로 받지 않은 것. 16 KiB × 16을 연결 5,000개로 하는 것은"
                        + " 뺌: 1.3 GB가 떠 있으면 커널의 메모리를 재게 됨."),
            ]),
            .paragraph(
                Text(
                    "The raw slices are in this page (the script element `results`), in results.json and results.csv;"
                        + " `gori study --from results.json` makes the same report of them.",
                    "모든 조각의 원자료는 이 페이지(script 요소 `results`)와 results.json, results.csv에 있으며,"
                        + " `gori study --from results.json`은 그것으로 같은 보고서를 만듦.")),
        ]
    }

    var machine: [Block] {
        let machine = results.machine
        let processors: Text
        if let server = machine.serverCore, let load = machine.loadCore {
            processors = Text(
                "\(machine.processors); servers on \(server), loads on \(load)",
                "\(machine.processors)개; 서버는 \(server)번, 부하는 \(load)번")
        } else {
            processors = Text("\(machine.processors); nothing pinned", "\(machine.processors)개; 고정하지 않음")
        }
        let unknown = Text("not to be seen", "알 수 없음")
        let rows: [(Text, Text)] = [
            (Text("kernel", "커널"), Text("Linux \(machine.kernel)")),
            (Text("processor", "프로세서"), Text(machine.processor)),
            (Text("processors", "프로세서 수"), processors),
            (Text("hypervisor", "하이퍼바이저"), machine.isVirtual ? Text("yes", "있음") : Text("no", "없음")),
            (
                Text("taken by the hypervisor in the run", "측정 중 하이퍼바이저가 가져간 시간"),
                Text(Figures.percent(machine.stolen))
            ),
            (Text("load average before", "시작 전 load average"), Text(Figures.short(machine.loadAverage))),
            (Text("frequency governor", "주파수 governor"), machine.governor.isEmpty ? unknown : Text(machine.governor)),
            (Text("memory", "메모리"), Text("\(Figures.whole(Double(machine.memoryMiB))) MiB")),
            (Text("link", "연결"), Text(machine.link)),
            (Text("program", "프로그램"), Text("gori \(results.gori), \(results.build)")),
            (Text("git revision", "git 리비전"), results.revision.isEmpty ? unknown : Text(results.revision)),
        ]
        let table = Table(columns: [Text(""), Text("")], rows: rows.map { [$0.0, $0.1] }, wordColumns: 2)
        return [
            .heading(Text("The machine", "기계"), anchor: "machine"), .table(table),
            .list((machine.mitigations + machine.settings).map { Text($0) }),
        ] + pacing
    }

    private var pacing: [Block] {
        guard results.machine.settings.contains("net.ipv4.tcp_congestion_control = bbr") else { return [] }
        return [
            .paragraph(
                Text(
                    "BBR paces: it sends what is large by timers. A block of a bulk stream over loopback then costs"
                        + " three times the processor time for some seconds and not for others, in any server, so"
                        + " streams, slow readers and 16 KiB say more about it than about the server.",
                    "BBR은 pacing을 함: 큰 것을 타이머로 나누어 보냄. 그러면 loopback의 대량 전송은 어느 서버에서나 몇 초"
                        + " 동안은 프로세서 시간이 세 배였다가 다시 아니므로, 대량 전송, 느린 독자, 16 KiB는 서버보다 BBR을"
                        + " 더 말함."))
        ]
    }

    var notMeasured: [Block] {
        let failed = results.comparisons.compactMap { comparison in
            comparison.failure.map { cause in
                Self.name(comparison) + Text(": failed: \(cause)", ": 실패: \(cause)")
            }
        }
        let omitted = results.omissions.map { Text("\($0.workload), \($0.left) / \($0.right): \($0.reason)") }
        guard !failed.isEmpty || !omitted.isEmpty else { return [] }
        return [.heading(Text("Not measured", "측정하지 않은 것"), anchor: "missing"), .list(failed + omitted)]
    }
}
