# SPDX-License-Identifier: Apache-2.0
"""No descriptor left: whoever plays plays on, whoever comes is told, nobody spins and nobody floods the log."""

import os
import time

import clients  # noqa: F401
from gori_connection import SessionEnded
from gori_packets import *
from support import Bystander, ServerTest

LIMIT = 64
CROWD = 200
# Becomes the program with so few open files that it cannot raise the limit again.
LIMITED = ("prlimit", f"--nofile={LIMIT}:{LIMIT}")


def processor_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class NoDescriptorLeft(ServerTest):
    def crowd(self, server):
        """Comes all at once; returns who was let in and who was told that the server is full."""
        waiting = [self.connect(server) for _ in range(CROWD)]
        inside, refused = [], []
        for client in waiting:
            # A refused client hears goodbye before it has said anything; the others are asked for their hello.
            try:
                client.hello()
                inside.append(client)
            except (SessionEnded, ConnectionError):
                self.assertIsNotNone(client.goodbye, "an end without a goodbye")
                self.assertEqual(client.goodbye.reason, FULL)
                refused.append(client)
        return inside, refused

    def come_late(self, server, refused):
        """Comes when some have left: let in as soon as the server has let go of them, and told `full` until then."""
        began = time.monotonic()
        while True:
            try:
                self.player(server, "late")
                return
            except (SessionEnded, ConnectionError):
                self.assertLess(time.monotonic() - began, 5)
                refused.append(None)

    def test_over_io_uring(self):
        self.check("uring")

    def test_over_epoll(self):
        self.check("epoll")

    def check(self, port):
        server = self.serve("--workers", "2", "--io", port, prefix=LIMITED)
        with Bystander(server):
            inside, refused = self.crowd(server)
            self.assertGreater(len(inside), 10)
            self.assertGreater(len(refused), CROWD - LIMIT)
            # The limit is still reached; nothing may spin meanwhile.
            began, used = time.monotonic(), processor_seconds(server.process.pid)
            while time.monotonic() - began < 2:
                time.sleep(0.1)
            share = (processor_seconds(server.process.pid) - used) / (time.monotonic() - began)
            self.assertLess(share, 0.25, "of a processor while nothing can be accepted")
            for client in inside[:10]:
                client.close()
            self.come_late(server, refused)
        counters = server.counters()
        self.assertGreater(counters["port"]["acceptPauses"], 0)
        self.assertEqual(counters["workers"]["refusedWaiting"], len(refused))
        lines = [line for line in server.errors if "accept paused" in line]
        self.assertIn("ulimit -n", lines[0])
        self.assertLessEqual(len(lines), 2 * 2, "one line in five seconds and worker")
