# SPDX-License-Identifier: Apache-2.0
"""`gori echo --thread-per-connection`: the same work as with the engine, without it; and that it ends in order."""

import json
import os
import pathlib
import tempfile
import time
import unittest

import server as servers
from gori_packets import frame
from streams import Stream, pump
from test_peers import PeerTest

FLAG = "--thread-per-connection"


def threads_of(process):
    return len(os.listdir(f"/proc/{process.pid}/task"))


class ThreadPerConnection(PeerTest, unittest.TestCase):
    """All that peers have to do, but for slow members of a group: they keep it waiting here."""

    test_a_slow_reader_delays_nobody_and_loses_nothing = None
    test_a_reader_that_is_too_slow_is_dropped_and_alone_in_its_loss = None

    def start(self, mode, group=10, *more):
        self.server = servers.Server(
            "echo", "--listen", "127.0.0.1:0", FLAG, "--mode", mode, "--group", group, *more)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__, None)

    def test_each_connection_has_a_thread_and_takes_it_along(self):
        self.start("echo")
        before = threads_of(self.server.process)
        streams = [self.stream() for _ in range(300)]
        for stream in streams:
            self.assert_comes_back(stream, b"hello")
        self.assertEqual(threads_of(self.server.process), before + 300)
        for stream in streams:
            stream.end_sending()
        pump(streams, lambda: all(stream.ended for stream in streams))
        self.assertEqual(self.server.counters()["workers"]["sessions"], 0)
        # The kernel may take a thread off the list a little after its connection was counted out.
        pump([self.stream()], lambda: threads_of(self.server.process) == before + 1)

    def test_half_closed_clients_receive_everything_and_then_the_end(self):
        self.start("echo")
        stream, data = self.stream(), bytes(1 << 20)
        stream.send(data)
        stream.end_sending()
        pump([stream], lambda: stream.ended)
        self.assertFalse(stream.was_reset)
        self.assertEqual(stream.received, len(data))

    def test_what_it_counts_is_what_it_did(self):
        self.start("packet")
        stream = self.stream()
        for _ in range(50):
            self.assert_comes_back(stream, frame(7, b"0123456789"))
        counted = self.server.counters()
        self.assertEqual(counted["workers"]["accepted"], 1)
        self.assertEqual(counted["workers"]["packets"], 50)
        self.assertEqual(counted["workers"]["bytesSent"], 50 * 14)
        self.assertEqual(counted["workers"]["bytesReceived"], 50 * 14)
        # One to receive and one to send each, the receive that waits, and two of the accepting thread.
        self.assertIn(counted["port"]["systemCalls"], range(101, 104))

    def test_the_signal_to_end_ends_clients_that_wait_and_that_do_not_read(self):
        for mode in ("echo", "broadcast"):
            with self.subTest(mode=mode), tempfile.TemporaryDirectory() as directory:
                path = pathlib.Path(directory) / "counters.json"
                self.start(mode, 3, "--counters", path)
                idle, deaf = self.stream(), self.stream(receive_buffer=8_192)
                self.assert_comes_back(idle, frame(1, b"hello"))
                deaf.reads = False
                # Until the server's thread waits in send(2): nothing more is taken, of more than sockets have room for.
                taken, since = 0, time.monotonic()

                def is_stuck():
                    nonlocal taken, since
                    while len(deaf.outgoing) < 1_000_000:
                        deaf.send(frame(2, bytes(20_000)))
                    if len(deaf.outgoing) != taken:
                        taken, since = len(deaf.outgoing), time.monotonic()
                    return time.monotonic() - since > 0.3

                pump([deaf], is_stuck)
                self.assertGreater(taken, 0)
                self.server.stop()
                self.assertEqual(json.loads(path.read_text())["workers"]["sessions"], 0)


class Faults(unittest.TestCase):
    def says_one_line(self, *arguments, status, naming):
        done = servers.run("echo", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in naming:
            self.assertIn(word, done.stderr)

    def test_options_of_the_engine_are_refused(self):
        for option in (["--io", "epoll"], ["--workers", "2"], ["--disable-features", "all"], ["--direct-descriptors"],
                       ["--idle-timeout", "5"]):
            with self.subTest(option[0]):
                self.says_one_line(FLAG, *option, status=64, naming=[FLAG, option[0]])
        self.says_one_line(FLAG, "--listen", ":1", "--listen", ":2", status=64, naming=["--listen"])

    def test_an_address_in_use_is_named(self):
        with servers.Server("echo", FLAG, "--listen", "127.0.0.1:0") as server:
            self.says_one_line(
                FLAG, "--listen", f"127.0.0.1:{server.port}", status=1, naming=[str(server.port), "--listen"])


if __name__ == "__main__":
    unittest.main()
