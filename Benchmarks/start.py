#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how soon `gori echo` serves after it has been started, and what memory it has then.

    python3 Benchmarks/start.py [--gori PATH] [--rounds 20] [--workers N]

Served is the first byte that comes back, counted from before the process is made. The memory is the process's own
(VmRSS) after that byte; RssAnon is the part of it that is not the program's file.
"""

import argparse
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEADLINE = 10.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def memory(pid):
    """VmRSS and RssAnon in KiB."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))


def first_byte(port, server):
    """Asks until somebody listens, and waits for an answer."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
                client.sendall(b"x")
                return client.recv(1) == b"x"
        except ConnectionRefusedError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{server.args[0]} does not serve")


def start(command, port):
    began = time.monotonic()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not first_byte(port, server):
            sys.exit("the answer was another one")
        return (time.monotonic() - began) * 1_000, *memory(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(DEADLINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    results = {"uring": [], "epoll": []}
    for _ in range(options.rounds):
        for io, rows in results.items():
            port = free_port()
            command = [options.gori, "echo", "--listen", f"127.0.0.1:{port}", "--io", io,
                       "--workers", str(options.workers)]
            rows.append(start(command, port))
    print(f"gori echo, {options.workers} worker(s), {options.rounds} starts each: median, greatest")
    for io, rows in results.items():
        times, resident, own = zip(*rows)
        print(f"{io:6} first byte after {statistics.median(times):5.1f} ms, {max(times):5.1f} ms; "
              f"resident {statistics.median(resident) / 1_024:5.1f} MiB, {max(resident) / 1_024:5.1f} MiB; "
              f"of it not the program's file {statistics.median(own) / 1_024:4.1f} MiB")


if __name__ == "__main__":
    main()
