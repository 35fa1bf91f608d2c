# SPDX-License-Identifier: Apache-2.0
"""`gori echo`: what a client sends comes back, in the modes `echo` and `packet`."""

import random

import clients  # noqa: F401
from gori_packets import HEADER, frame
from streams import Stream, pump
from support import ServerTest

# The largest that the header can express: an echo has no lower maximum.
MAXIMUM_PACKET = 65_535


def some_bytes(chance, count):
    return chance.randbytes(count)


class EchoTest(ServerTest):
    MODE = "echo"
    WORKERS = "1"
    MORE = ()

    def setUp(self):
        self.server = self.echo("--mode", self.MODE, "--workers", self.WORKERS, *self.MORE)

    def stream(self, **options):
        stream = Stream(self.server.address, **options)
        self.addCleanup(stream.close)
        return stream

    def assert_comes_back(self, stream, data, expected=None):
        expected = data if expected is None else expected
        start = len(stream.incoming)
        stream.send(data)
        pump([stream], lambda: stream.ended or len(stream.incoming) >= start + len(expected))
        self.assertFalse(stream.ended, f"the stream ended after {stream.received} bytes")
        # Not assertEqual: nobody wants to read the difference of two megabytes.
        self.assertTrue(stream.incoming[start:] == expected, "other bytes came back")

    def assert_orderly_end(self, stream):
        pump([stream], lambda: stream.ended)
        self.assertFalse(stream.was_reset, "the stream was reset")


class Bytes(EchoTest):
    def test_any_number_of_bytes_comes_back(self):
        chance, stream = random.Random(1), self.stream()
        for count in (1, 2, 3, 4, 100, 1_460, 4_096, 16_385, 65_536, 65_537, 1 << 20):
            with self.subTest(count=count):
                self.assert_comes_back(stream, some_bytes(chance, count))

    def test_random_chunks_come_back(self):
        for seed in range(5):
            with self.subTest(seed=seed):
                chance = random.Random(seed)
                stream = self.stream(random=chance, largest_chunk=5_000)
                self.assert_comes_back(stream, some_bytes(chance, 300_000))

    def test_one_byte_at_a_time_comes_back(self):
        stream = self.stream(largest_chunk=1)
        self.assert_comes_back(stream, some_bytes(random.Random(2), 3_000))

    def test_many_clients_get_their_own_bytes(self):
        streams = [self.stream(random=random.Random(seed), largest_chunk=9_000) for seed in range(50)]
        sent = [some_bytes(random.Random(seed), 50_000 + seed) for seed in range(50)]
        for stream, data in zip(streams, sent):
            stream.send(data)
        pump(streams, lambda: all(
            stream.ended or stream.received >= len(data) for stream, data in zip(streams, sent)))
        for stream, data in zip(streams, sent):
            self.assertTrue(stream.incoming == data, "other bytes came back")

    def test_a_client_that_reads_late_loses_nothing(self):
        stream = self.stream(receive_buffer=8_192)
        data = some_bytes(random.Random(3), 200_000)
        stream.reads = False
        stream.send(data)
        pump([stream], lambda: not stream.outgoing)
        stream.reads = True
        pump([stream], lambda: stream.ended or stream.received >= len(data))
        self.assertTrue(stream.incoming == data, "other bytes came back")

    def test_half_closed_clients_receive_everything_and_then_the_end(self):
        for count in (1, 100, 100_000, 1 << 20):
            with self.subTest(count=count):
                stream, data = self.stream(), some_bytes(random.Random(count), count)
                stream.send(data)
                stream.end_sending()
                self.assert_orderly_end(stream)
                self.assertTrue(stream.incoming == data, f"{stream.received} bytes came back")

    def test_a_client_that_sends_nothing_but_the_end_receives_the_end(self):
        stream = self.stream()
        stream.end_sending()
        self.assert_orderly_end(stream)
        self.assertEqual(stream.received, 0)

    def test_a_killed_client_harms_nobody(self):
        steady, victim = self.stream(), self.stream()
        for _ in range(20):
            victim.send(bytes(10_000))
            pump([victim], lambda: not victim.outgoing)
            victim.reset()
            self.assert_comes_back(steady, b"still here")
            victim = self.stream()


class BytesOnTwoWorkers(Bytes):
    WORKERS = "2"


class Packets(EchoTest):
    MODE = "packet"

    def test_packets_of_any_type_come_back(self):
        stream = self.stream()
        for type_number in (0, 1, 2, 3, 4, 5, 15, 16, 128, 999, 65_535):
            with self.subTest(type=type_number):
                self.assert_comes_back(stream, frame(type_number, b"body"))

    def test_packets_of_any_size_come_back(self):
        stream, chance = self.stream(), random.Random(4)
        for size in (4, 5, 6, 255, 256, 1_460, 4_096, MAXIMUM_PACKET - 1, MAXIMUM_PACKET):
            with self.subTest(size=size):
                self.assert_comes_back(stream, frame(7, some_bytes(chance, size - HEADER.size)))

    def test_a_packet_comes_back_only_when_it_is_whole(self):
        stream, packet = self.stream(), frame(9, b"0123456789")
        for cut in range(1, len(packet)):
            with self.subTest(cut=cut):
                # A whole packet and the beginning of the next: the one comes
                # back, and with it nothing of the other.
                self.assert_comes_back(stream, packet + packet[:cut], expected=packet)
                self.assert_comes_back(stream, packet[cut:], expected=packet)

    def test_packets_in_random_chunks_come_back(self):
        for seed in range(5):
            with self.subTest(seed=seed):
                chance = random.Random(seed)
                # Mostly short, a few long.
                sizes = [int(chance.triangular(0, 9_000, 0)) for _ in range(200)]
                data = b"".join(
                    frame(chance.randrange(65_536), some_bytes(chance, size)) for size in sizes)
                self.assert_comes_back(self.stream(random=chance, largest_chunk=700), data)

    def test_packets_byte_by_byte_come_back(self):
        data = b"".join(frame(number, bytes(number)) for number in range(40))
        self.assert_comes_back(self.stream(largest_chunk=1), data)

    def test_a_size_below_the_header_ends_the_connection(self):
        for size in range(HEADER.size):
            with self.subTest(size=size):
                stream = self.stream()
                self.assert_comes_back(stream, frame(1, b"good"))
                stream.send(frame(1, size=size))
                self.assert_orderly_end(stream)
                self.assertEqual(stream.received, len(frame(1, b"good")))

    def test_a_malformed_client_harms_nobody(self):
        steady = self.stream()
        for _ in range(20):
            bad = self.stream()
            bad.send(frame(1, size=0) + bytes(50_000))
            self.assert_orderly_end(bad)
            self.assert_comes_back(steady, frame(2, b"still here"))

    def test_half_closed_clients_receive_everything_and_then_the_end(self):
        stream, data = self.stream(), frame(5, bytes(1_000)) * 300
        stream.send(data)
        stream.end_sending()
        self.assert_orderly_end(stream)
        self.assertTrue(stream.incoming == data, f"{stream.received} bytes came back")

    def test_the_rest_of_a_packet_that_never_comes_is_dropped(self):
        stream, data = self.stream(), frame(5, b"whole")
        stream.send(data + data[:-1])
        stream.end_sending()
        self.assert_orderly_end(stream)
        self.assertEqual(bytes(stream.incoming), data)


class PacketsOnTwoWorkers(Packets):
    WORKERS = "2"


class PacketsOnAnOldKernel(Packets):
    """Without a limit on receives one turn brings more than a flush sends."""

    MORE = ("--disable-features", "all")


class BytesOnAnOldKernel(Bytes):
    MORE = ("--disable-features", "all")
