#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what an idle session costs: resident memory of the server before and after many sessions have said hello.

    python3 Benchmarks/idle.py [--gori PATH] [--count 10000]

The memory is the server process's own (VmRSS); the kernel's, for sockets, is not in it.
"""

import argparse
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# size, type 1, version 1, fingerprint, format 0, an empty client name; see docs/protocol.md.
HELLO = struct.pack("<HHHQBB", 16, 1, 1, 0x476F_7269_0000_0001, 0, 0)
WELCOME_SIZE = 24


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    sys.exit("no VmRSS")


def greet(address):
    client = socket.create_connection(address, timeout=10)
    client.sendall(HELLO)
    got = b""
    while len(got) < WELCOME_SIZE:
        piece = client.recv(WELCOME_SIZE - len(got))
        if not piece:
            sys.exit("the server closed a connection")
        got += piece
    return client


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"))
    parser.add_argument("--count", type=int, default=10_000)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = subprocess.Popen([arguments.gori, "serve", "--listen", "127.0.0.1:0", "--database", "off"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        listening = server.stdout.readline().split()[1]
        server.stdout.readline()
        address = ("127.0.0.1", int(listening.rsplit(":", 1)[1]))
        clients = [greet(address) for _ in range(100)]
        before = resident(server.pid)
        clients += [greet(address) for _ in range(arguments.count)]
        after = resident(server.pid)
        print(f"resident with 100 sessions: {before / 1024:.0f} KiB; "
              f"{arguments.count} more: {(after - before) / arguments.count:.0f} bytes each")
        for client in clients:
            client.close()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=10)


if __name__ == "__main__":
    main()
