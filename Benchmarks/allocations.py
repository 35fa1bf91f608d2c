#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts heap allocations of the running server under load: the promise is none for each packet.

    python3 Benchmarks/allocations.py [--gori PATH] [--seconds 10]

The server runs under a counting allocator (all threads). After a warm-up the count is read before and after ten
seconds of load; the table shows allocations, packets meanwhile, and allocations for a million packets.
`make allocations` builds what is needed.
"""

import argparse
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / "Benchmarks" / ".out"


class Server:
    """A server under the counting allocator."""

    def __init__(self, command):
        self.counter = tempfile.NamedTemporaryFile(prefix="gori-allocations-")
        environment = dict(os.environ, LD_PRELOAD=str(BUILT / "count_allocations.so"),
                           GORI_ALLOCATIONS=self.counter.name)
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.address = None
        for line in self.process.stdout:
            if line.startswith("listening "):
                self.address = line.split()[1]
            if line.strip() == "ready":
                break
        if self.address is None:
            sys.exit("the server did not start: " + " ".join(command))

    def allocations(self):
        with open(self.counter.name, "rb") as file:
            return struct.unpack("<Q", file.read(8))[0]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)


def echo(gori, io, mode, connections, depth, size, group, seconds):
    """Runs the load driver twice: once to warm up, once between two readings of the count."""
    server = Server([gori, "echo", "--listen", "127.0.0.1:0", "--io", io, "--workers", "1", "--mode", mode,
                     "--group", str(group)])
    try:
        port = server.address.rsplit(":", 1)[1]
        # One driver: its connections stay, so that accepting is no part of what is counted.
        driver = subprocess.Popen(
            [str(BUILT / "load"), "--port", port, "--connections", str(connections), "--depth", str(depth), "--size",
             str(size), "--mode", mode, "--group", str(group), "--pid", str(server.process.pid), "--warmup", "2",
             "--seconds", str(seconds + 1)], stdout=subprocess.PIPE, text=True)
        time.sleep(2.5)
        before = server.allocations()
        time.sleep(seconds)
        after = server.allocations()
        report = json.loads(driver.communicate(timeout=60)[0].splitlines()[-1])
        rate = next(report[key] for key in ("messages_per_second", "rate", "messages_per_s") if key in report)
        return after - before, rate * seconds
    finally:
        server.stop()


def world(gori, io, count, seconds, *options):
    """Bots walk; the count is read while all of them are in the world."""
    server = Server(
        [gori, "serve", "--listen", "127.0.0.1:0", "--database", "off", "--io", io, "--workers", "2", *options])
    try:
        bots = subprocess.Popen(
            [gori, "bots", "--connect", server.address, "--count", str(count), "--ramp", "1000", "--duration",
             str(int(seconds) + 10), "--json", "-"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(count / 1000 + 7)
        before = server.allocations()
        time.sleep(seconds)
        after = server.allocations()
        report = json.loads(bots.communicate(timeout=120)[0])
        return after - before, report["moves_per_second"] * seconds
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"))
    parser.add_argument("--io", choices=("uring", "epoll"), default="uring")
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    target = (arguments.gori, arguments.io)
    loads = [
        ("echo 50 x 1", "echo", 50, 1, 64, 10),
        ("echo 50 x 16", "echo", 50, 16, 64, 10),
        ("packet 50 x 16", "packet", 50, 16, 200, 10),
        ("broadcast 100 in tens", "broadcast", 100, 1, 64, 10),
        ("broadcast 200 in fifties", "broadcast", 200, 1, 64, 50),
    ]
    rows = [(name, lambda load=load: echo(*target, *load, arguments.seconds)) for name, *load in loads]
    rows.append(("world, 1000 walking", lambda: world(*target, 1000, arguments.seconds)))
    rows.append(("world, 1000 at its border", lambda: world(*target, 1000, arguments.seconds, "--spawn-area", "200")))
    rows.append(("world, 1000 recorded", lambda: world(*target, 1000, arguments.seconds, "--record", "/dev/null")))
    print(f"over {arguments.io}")
    print(f"{'load':26} {'allocations':>12} {'packets':>12} {'per million':>12}")
    for name, run in rows:
        allocations, packets = run()
        print(f"{name:26} {allocations:12} {packets:12.0f} {allocations / max(packets, 1) * 1e6:12.2f}", flush=True)


if __name__ == "__main__":
    main()
