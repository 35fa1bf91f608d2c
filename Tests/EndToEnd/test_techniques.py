# SPDX-License-Identifier: Apache-2.0
"""Other ways to use the kernel than the default: a client sees no difference."""

import random

import clients  # noqa: F401
from gori_packets import frame
from streams import Stream, pump
from support import ServerTest
from test_command_line import FAILURE, USAGE, CommandLineTest

LARGE = 1 << 20


class Technique:
    """What a server does with every technique; the classes below say with which."""

    PORT = None
    NAME = None

    def start_echo(self, mode):
        self.server = self.echo(
            "--io", self.PORT, "--techniques", self.NAME, "--workers", "1", "--mode", mode)

    def stream(self, **options):
        stream = Stream(self.server.address, **options)
        self.addCleanup(stream.close)
        return stream

    def assert_come_back(self, streams, sent):
        for stream, data in zip(streams, sent):
            stream.send(data)
        pump(streams, lambda: all(
            stream.ended or stream.received >= len(data) for stream, data in zip(streams, sent)))
        for stream, data in zip(streams, sent):
            self.assertFalse(stream.ended, f"the stream ended after {stream.received} bytes")
            self.assertTrue(stream.incoming == data, "other bytes came back")
            stream.incoming.clear()
            stream.received = 0

    def test_bytes_of_50_clients_come_back(self):
        self.start_echo("echo")
        streams = [self.stream(random=random.Random(seed), largest_chunk=9_000) for seed in range(50)]
        for turn in range(3):
            sent = [random.Random(seed + turn).randbytes(20_000 + seed) for seed in range(50)]
            self.assert_come_back(streams, sent)

    def test_packets_of_50_clients_come_back(self):
        self.start_echo("packet")
        streams = [self.stream(random=random.Random(seed), largest_chunk=700) for seed in range(50)]
        sent = []
        for seed in range(50):
            chance = random.Random(seed)
            sizes = [int(chance.triangular(0, 4_000, 0)) for _ in range(100)]
            sent.append(b"".join(frame(chance.randrange(65_536), chance.randbytes(size)) for size in sizes))
        self.assert_come_back(streams, sent)

    def test_packets_sent_at_once_come_back_in_order(self):
        self.start_echo("packet")
        stream = self.stream()
        self.assert_come_back([stream], [b"".join(frame(n, bytes(n % 200)) for n in range(2_000))])

    def test_a_large_transfer_comes_back(self):
        self.start_echo("echo")
        data = random.Random(5).randbytes(LARGE)
        self.assert_come_back([self.stream()], [data])

    def test_a_client_that_reads_late_loses_nothing(self):
        self.start_echo("echo")
        stream, data = self.stream(receive_buffer=8_192), random.Random(6).randbytes(200_000)
        stream.reads = False
        stream.send(data)
        pump([stream], lambda: not stream.outgoing)
        stream.reads = True
        pump([stream], lambda: stream.ended or stream.received >= len(data))
        self.assertTrue(stream.incoming == data, "other bytes came back")

    def test_half_closed_clients_receive_everything_and_then_the_end(self):
        self.start_echo("echo")
        for count in (0, 1, 100_000, LARGE):
            with self.subTest(count=count):
                stream, data = self.stream(), random.Random(count).randbytes(count)
                stream.send(data)
                stream.end_sending()
                pump([stream], lambda: stream.ended)
                self.assertFalse(stream.was_reset, "the stream was reset")
                self.assertTrue(stream.incoming == data, f"{stream.received} bytes came back")

    def test_every_member_of_a_group_gets_every_packet(self):
        self.start_echo("broadcast")
        streams, greetings = [], []
        for number in range(10):
            # A connection is made before its session has joined: who hears himself has.
            streams.append(self.stream())
            greetings.append(frame(100 + number, bytes([200 + number]) * 8))
            streams[-1].send(greetings[-1])
            pump(streams, lambda: streams[-1].ended or greetings[-1] in streams[-1].incoming)
        packets = [b"".join(frame(number, bytes([number]) * 50) for _ in range(20)) for number in range(10)]
        for stream, data in zip(streams, packets):
            stream.send(data)
        # Everybody also hears the greetings of those who came after him, and his own.
        expected = [b"".join(greetings[number:] + packets) for number in range(10)]
        pump(streams, lambda: all(
            stream.ended or stream.received >= len(whole) for stream, whole in zip(streams, expected)))
        for stream, whole in zip(streams, expected):
            self.assertEqual(stream.received, len(whole))
            self.assertEqual(sorted(stream.incoming), sorted(whole))


class OneShotReceive(Technique, ServerTest):
    PORT, NAME = "uring", "one-shot-receive"


class EagerTaskRun(Technique, ServerTest):
    PORT, NAME = "uring", "eager-task-run"


class SubmissionPolling(Technique, ServerTest):
    PORT, NAME = "uring", "submission-polling"


class FixedWait(Technique, ServerTest):
    PORT, NAME = "uring", "fixed-wait"


class UringSendPerPacket(Technique, ServerTest):
    PORT, NAME = "uring", "send-per-packet"


class SeveralOverUring(Technique, ServerTest):
    PORT, NAME = "uring", "one-shot-receive,eager-task-run,fixed-wait,send-per-packet"


class PollingWithASendPerPacket(Technique, ServerTest):
    PORT, NAME = "uring", "submission-polling,send-per-packet"


class LevelTriggered(Technique, ServerTest):
    PORT, NAME = "epoll", "level-triggered"


class EpollSendPerPacket(Technique, ServerTest):
    PORT, NAME = "epoll", "send-per-packet"


class BothOverEpoll(Technique, ServerTest):
    PORT, NAME = "epoll", "level-triggered,send-per-packet"


class Sends(ServerTest):
    def sends_of_a_burst(self, *options):
        """16 packets come in one piece: how many sends bring them back?"""
        server = self.echo("--workers", "1", "--mode", "packet", *options)
        stream = Stream(server.address)
        self.addCleanup(stream.close)
        data = b"".join(frame(number, bytes(20)) for number in range(16))
        before = server.counters()["workers"]["sends"]
        stream.send(data)
        pump([stream], lambda: stream.ended or stream.received >= len(data))
        self.assertTrue(stream.incoming == data, "other bytes came back")
        return server.counters()["workers"]["sends"] - before

    def test_each_packet_is_a_send_of_its_own(self):
        for io in ("uring", "epoll"):
            with self.subTest(io=io):
                self.assertEqual(self.sends_of_a_burst("--io", io), 1)
                self.assertEqual(self.sends_of_a_burst("--io", io, "--techniques", "send-per-packet"), 16)


class Usage(CommandLineTest):
    def test_a_bad_list_is_answered_with_what_was_expected(self):
        for io, techniques, expected in (
            ((), "one-shot-receive", "needs --io"),
            (("--io", "auto"), "one-shot-receive", "needs --io"),
            (("--io", "uring"), "level-triggered", "one-shot-receive.*not 'level-triggered'"),
            (("--io", "epoll"), "submission-polling", "level-triggered.*not 'submission-polling'"),
            (("--io", "uring"), "telepathy", "not 'telepathy'"),
            (("--io", "uring"), "one-shot-receive,telepathy", "not 'one-shot-receive,telepathy'"),
            (("--io", "epoll"), "", "level-triggered"),
        ):
            with self.subTest(io=io, techniques=techniques):
                self.says_one_line(
                    "echo", *io, "--techniques", techniques, status=USAGE, naming=["--techniques", expected])

    def test_what_a_technique_forbids_is_a_failure_in_one_line(self):
        self.says_one_line(
            "echo", "--listen", "127.0.0.1:0", "--io", "uring", "--techniques", "submission-polling",
            "--direct-descriptors", status=FAILURE, naming=["submission-polling"])
