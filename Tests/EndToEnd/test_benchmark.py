# SPDX-License-Identifier: Apache-2.0
"""The benchmark starts to measure when every connection has been accepted: groups are complete only then."""

import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "Benchmarks"))
import run as bench  # noqa: E402
from support import needs_ipv6  # noqa: E402


class Accepted(unittest.TestCase):
    def listen(self, family, address):
        listener = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        if family == socket.AF_INET6:
            # As a JVM does: one socket for both families.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address, 0))
        listener.listen(10)
        return listener

    def check_soon(self, port, connections):
        """The kernel's table may lack a row when it changes while it is read, as it does with other tests beside."""
        deadline = time.monotonic() + 30
        while not bench.all_accepted(port, connections):
            self.assertLess(time.monotonic(), deadline, f"{connections} are accepted, and it is not noticed")

    def check(self, listener):
        port = listener.getsockname()[1]
        self.assertFalse(bench.all_accepted(port, 3), "nobody is there")
        for _ in range(3):
            self.addCleanup(socket.create_connection(("127.0.0.1", port)).close)
        for left in (3, 2, 1):
            self.assertFalse(bench.all_accepted(port, 3), f"{left} are not accepted")
            self.addCleanup(listener.accept()[0].close)
        self.check_soon(port, 3)
        self.assertFalse(bench.all_accepted(port, 4), "one has not connected")

    def test_a_connection_in_the_backlog_is_not_accepted(self):
        self.check(self.listen(socket.AF_INET, "127.0.0.1"))

    @needs_ipv6
    def test_so_it_is_where_one_socket_serves_both_families(self):
        self.check(self.listen(socket.AF_INET6, "::ffff:127.0.0.1"))


if __name__ == "__main__":
    unittest.main()
