# SPDX-License-Identifier: Apache-2.0
"""`gori echo --techniques zero-copy-send` and `receive-bundles`: other ways to give the kernel memory."""

import random
import sys

import clients  # noqa: F401
import server as servers
from server import ROOT
from streams import Stream, pump
from support import ServerTest

LIMITED = (sys.executable, str(ROOT / "Tests/EndToEnd/lock_memory.py"))


class TechniqueTest(ServerTest):
    TECHNIQUE = ""

    def setUp(self):
        self.server = self.echo("--io", "uring", "--workers", "1", "--techniques", self.TECHNIQUE)

    def stream(self, server=None, **options):
        stream = Stream((server or self.server).address, **options)
        self.addCleanup(stream.close)
        return stream

    def assert_comes_back(self, streams, size, rounds, seed):
        chance = random.Random(seed)
        for _ in range(rounds):
            expected = []
            for stream in streams:
                data = chance.randbytes(size)
                expected.append(data)
                del stream.incoming[:]
                stream.send(data)
            pump(streams, lambda: all(
                stream.ended or len(stream.incoming) >= size for stream in streams))
            for stream, data in zip(streams, expected):
                # Not assertEqual: nobody wants to read the difference of so many bytes.
                self.assertTrue(stream.incoming == data, "other bytes came back")

    def check_large_messages(self):
        streams = [self.stream() for _ in range(20)]
        for size in (16_384, 50_000, 200_000):
            with self.subTest(size=size):
                self.assert_comes_back(streams, size, 5, seed=size)

    def check_reader_that_stops(self):
        slow, other = self.stream(receive_buffer=8_192), self.stream()
        data = random.Random(3).randbytes(3 << 20)
        slow.reads = False
        slow.send(data)
        for seed in range(20):
            self.assert_comes_back([other], 40_000, 1, seed)
            pump([slow], lambda: True)
            for _ in range(20):
                slow.step(slow.prepare())
        slow.reads = True
        pump([slow], lambda: slow.ended or slow.received == len(data), timeout=60)
        self.assertTrue(slow.incoming == data, "other bytes came back")

    def check_resets(self):
        other = self.stream()
        for seed in range(30):
            victim = self.stream(receive_buffer=8_192)
            victim.reads = False
            victim.send(random.Random(seed).randbytes(400_000))
            for _ in range(20):
                victim.step(victim.prepare())
            victim.reset()
        self.assert_comes_back([other], 100_000, 5, seed=4)
        self.assertEqual(self.server.counters()["port"]["faults"], 0)

    def check_end_while_sending(self):
        streams = [self.stream(receive_buffer=8_192) for _ in range(10)]
        for stream in streams:
            stream.reads = False
            stream.send(bytes(300_000))
        for _ in range(20):
            for stream in streams:
                stream.step(stream.prepare())
        # Nobody has read a byte; the server ends all the same, and with status 0.
        self.server.stop()


class ZeroCopySend(TechniqueTest):
    TECHNIQUE = "zero-copy-send"

    def test_large_messages_come_back_without_a_copy_of_ours(self):
        self.check_large_messages()
        port = self.server.counters()["port"]
        self.assertGreater(port["zeroCopySends"], 100)
        # Loopback copies, and says so as soon as the bytes are acknowledged.
        self.assertGreater(port["zeroCopyCopied"], 0)
        self.assertLessEqual(port["zeroCopyCopied"], port["zeroCopySends"])
        self.assertEqual(port["faults"], 0)

    def test_small_messages_are_copied(self):
        self.assert_comes_back([self.stream()], 5_000, 20, seed=1)
        self.assertEqual(self.server.counters()["port"]["zeroCopySends"], 0)

    def test_a_reader_that_stops_and_goes_on_gets_everything(self):
        self.check_reader_that_stops()

    def test_clients_that_reset_leave_nothing_behind(self):
        self.check_resets()

    def test_a_server_ends_while_the_kernel_still_has_its_memory(self):
        self.check_end_while_sending()

    def test_without_locked_memory_to_spare_sends_copy(self):
        # Enough for the ring of a worker, and for next to nothing besides.
        for limit in range(300_000, 1_000_000, 50_000):
            try:
                server = self.start(
                    "echo", *self.LOCAL, "--io", "uring", "--workers", "1", "--techniques", self.TECHNIQUE,
                    prefix=(*LIMITED, limit))
                break
            except servers.ServerError:
                continue
        else:
            self.fail("no server with so little locked memory")
        streams = [self.stream(server) for _ in range(20)]
        self.assert_comes_back(streams, 200_000, 3, seed=5)
        port = server.counters()["port"]
        self.assertGreater(port["blockedSends"], 0)
        self.assertEqual(port["faults"], 0)


class ReceiveBundles(TechniqueTest):
    TECHNIQUE = "receive-bundles"

    def test_large_messages_come_back_in_few_completions(self):
        self.check_large_messages()
        port = self.server.counters()["port"]
        self.assertGreater(port["receiveBundles"], 100)
        self.assertEqual(port["faults"], 0)

    def test_a_reader_that_stops_and_goes_on_gets_everything(self):
        self.check_reader_that_stops()

    def test_clients_that_reset_leave_nothing_behind(self):
        self.check_resets()

    def test_a_server_ends_while_nobody_reads(self):
        self.check_end_while_sending()


class Neither(ServerTest):
    def test_without_what_it_needs_a_server_says_so_in_one_line(self):
        result = servers.run(
            "echo", *self.LOCAL, "--io", "uring", "--disable-features", "silent-send", "--techniques",
            "zero-copy-send")
        self.assertEqual(result.returncode, 1)
        self.assertIn("go without zero-copy-send", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
