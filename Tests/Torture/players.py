# SPDX-License-Identifier: Apache-2.0
"""Well-behaved clients of `gori echo` in a process of their own, and how long each of their answers takes.

    python3 players.py HOST PORT COUNT INTERVAL SECONDS

Prints one line of JSON: delays in milliseconds, counted from when the packet
was due, and how many answers were wrong or missing. Packets are 32 bytes with
a header of `u16 size, u16 type`, so that every mode of echo answers them.
"""

import heapq
import json
import selectors
import socket
import struct
import sys
import time

SIZE = 32


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))] if sorted_values else 0.0


def main():
    host, port, count, interval, seconds = sys.argv[1], *map(float, sys.argv[2:])
    count = int(count)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets, due, waiting, delays = [], [], {}, []
    lost = 0
    selector = selectors.DefaultSelector()
    for number in range(count):
        connection = socket.socket(family)
        connection.connect((host, int(port)))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, number)
        sockets.append(connection)
    print("playing", flush=True)
    start = time.monotonic()
    for number in range(count):
        heapq.heappush(due, (start + interval * number / count, number, 0))
    partial = [b""] * count
    while time.monotonic() < start + seconds:
        now = time.monotonic()
        while due and due[0][0] <= now:
            moment, number, turn = heapq.heappop(due)
            packet = struct.pack("<HHQ", SIZE, 16, turn * count + number).ljust(SIZE, b".")
            try:
                if number not in waiting:
                    sockets[number].send(packet)
                    waiting[number] = (moment, packet)
            except OSError:
                lost += 1
                continue
            heapq.heappush(due, (moment + interval, number, turn + 1))
        for key, _ in selector.select(max(0.0, min(0.02, (due[0][0] if due else now + 1) - time.monotonic()))):
            number = key.data
            try:
                data = sockets[number].recv(4_096)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                selector.unregister(sockets[number])
                lost += 1
                continue
            partial[number] += data
            if len(partial[number]) >= SIZE:
                moment, packet = waiting.pop(number)
                delays.append((time.monotonic() - moment) * 1_000)
                if partial[number] != packet:
                    lost += 1
                partial[number] = b""
    # Whoever has waited for more than a second and got nothing.
    lost += sum(1 for moment, _ in waiting.values() if moment < time.monotonic() - 1)
    delays.sort()
    print(json.dumps({
        "answers": len(delays), "lost": lost, "p50": round(percentile(delays, 0.5), 2),
        "p99": round(percentile(delays, 0.99), 2)}), flush=True)


if __name__ == "__main__":
    main()
