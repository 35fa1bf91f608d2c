#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds many connections in one server process, each with a heartbeat, and says what they cost and whether one was lost.

    python3 Benchmarks/held.py [--count 50000] [--seconds 600] [--interval 10] [--workers 3] [--io uring]
                               [--normal] [--mode session|echo] [--gori PATH] [--holder PATH]

The sockets of the server are direct descriptors unless --normal is given or it serves over epoll: then `ulimit -n` ends
it at 20,000 or wherever it stands. Clients are processes of 18,000 connections, each with a source address of its own
(127.0.0.2 and up), because ephemeral ports and open files bound them too. Ends with status 1 if anything was lost.
"""

import argparse
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PER_CLIENT = 18_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"))
    parser.add_argument("--holder", default=str(ROOT / "Benchmarks/.out/hold"))
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--interval", type=float, default=10)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--io", default="uring", choices=("uring", "epoll"))
    parser.add_argument("--mode", default="session", choices=("session", "echo"))
    parser.add_argument("--normal", action="store_true", help="normal descriptors")
    return parser.parse_args()


def field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    sys.exit(f"no {name} in {path}")


class Sight:
    """What the server and the kernel hold at one moment."""

    def __init__(self, pid):
        self.resident = field(f"/proc/{pid}/status", "VmRSS")
        self.slab = field("/proc/meminfo", "Slab")
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        self.processor = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        self.time = time.monotonic()


def start_server(options):
    command = [options.gori, "serve" if options.mode == "session" else "echo", "--listen", "127.0.0.1:0",
               "--workers", str(options.workers), "--io", options.io,
               "--maximum-sessions", str(options.count + 100)]
    if options.mode == "session":
        # More than four pings in a heartbeat of the server are violations.
        command += ["--database", "off", "--heartbeat", str(round(options.interval * 1000))]
    if not options.normal and options.io == "uring":
        command.append("--direct-descriptors")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if line.startswith("listening "):
            port = int(line.rsplit(":", 1)[1])
        if line == "ready\n":
            return server, port
    sys.exit(f"{' '.join(command)} did not start")


def start_holders(options, port):
    holders = []
    rest = options.count
    while rest > 0:
        count = min(PER_CLIENT, rest)
        rest -= count
        holders.append(subprocess.Popen(
            [options.holder, "--port", str(port), "--connections", str(count), "--mode", options.mode,
             "--interval", str(options.interval), "--source", f"127.0.0.{2 + len(holders)}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    return holders


def read_reports(holders, seconds):
    """Lets all clients hold at once."""
    for holder in holders:
        holder.stdin.write(f"{seconds}\n")
        holder.stdin.flush()
    lines = [holder.stdout.readline() for holder in holders]
    if not all(lines):
        sys.exit("a client ended early")
    return [json.loads(line) for line in lines]


def show(options, before, up, after, reports):
    def each(name):
        return (getattr(up, name) - getattr(before, name)) / options.count

    lost, sent, answered = (sum(report[key] for report in reports) for key in ("lost", "sent", "answered"))
    share = 100 * (after.processor - up.processor) / (after.time - up.time)
    print(f"server: {each('resident'):.0f} bytes resident each ({up.resident >> 20} MiB in all, "
          f"{after.resident >> 20} at the end), {up.descriptors} descriptors, {share:.1f} % of a core while holding")
    print(f"kernel: {each('slab') / 1024:.1f} KiB of slab for both ends of a connection")
    print(f"held {options.seconds:.0f} s: {lost} lost; heartbeats: {sent} sent, {answered} answered, "
          f"{sent - answered} without an answer")
    print("delay of heartbeats, worst client: " + ", ".join(
        f"{name} {max(report[key] for report in reports):.2f} ms"
        for name, key in (("p50", "p50_ms"), ("p99", "p99_ms"), ("max", "max_ms"),
                          ("longest pause of a client itself", "pause_ms"))))
    return lost == 0 and answered == sent


def main():
    options = arguments()
    server, port = start_server(options)
    holders = []
    try:
        before = Sight(server.pid)
        holders += start_holders(options, port)
        if any(holder.stdout.readline() != "connected\n" for holder in holders):
            sys.exit("not all connections were served")
        up = Sight(server.pid)
        print(f"{options.count} connections in {up.time - before.time:.1f} s", flush=True)
        reports = read_reports(holders, options.seconds)
        after = Sight(server.pid)
        good = show(options, before, up, after, reports)
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
        server.send_signal(signal.SIGTERM)
        code = server.wait(timeout=30)
    return 0 if good and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
