# SPDX-License-Identifier: Apache-2.0
"""The servers that Gori is compared with do what `gori echo` does: a comparison with less would say nothing.

Those that cost next to nothing to install are built here and have to be there where CI=true. The others are tested
where `Benchmarks/peers/peers.py` has built them.
"""

import os
import pathlib
import random
import signal
import sys
import unittest

import clients  # noqa: F401
from gori_packets import HEADER, frame
from server import Server
from streams import Stream, pump
from test_broadcast import Member

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "Benchmarks" / "peers"))
import peers  # noqa: E402

CHEAP = ("asyncio", "libuv", "c-epoll", "c-uring")
LARGEST_PACKET = 65_535
CI = os.environ.get("CI") == "true"


def has_io_uring():
    """Whether the reference over it starts here."""
    try:
        with PeerServer(catalogue["c-uring"], "echo"):
            return True
    except AssertionError:
        return False


class PeerServer(Server):
    """A peer has nothing to tidy up: the default of SIGTERM ends it. A JVM says 128 + 15."""

    ORDERLY_ENDS = (-signal.SIGTERM, 128 + signal.SIGTERM)

    def __init__(self, peer, mode, group=10, *more):
        program, *words = peer.command(mode, group)
        super().__init__(*words, *more, program=program)


class PeerTest:
    """The same for every peer; `PEER` names it."""

    PEER = ""

    def start(self, mode, group=10, *more):
        self.server = PeerServer(catalogue[self.PEER], mode, group, *more)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__, None)

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
        self.assertTrue(stream.incoming[start:] == expected, "other bytes came back")

    def test_bytes_come_back(self):
        self.start("echo")
        chance, stream = random.Random(1), self.stream()
        for count in (1, 3, 4_096, 16_385, 65_537, 1 << 20):
            with self.subTest(count=count):
                self.assert_comes_back(stream, chance.randbytes(count))
        split = self.stream(random=chance, largest_chunk=5_000)
        self.assert_comes_back(split, chance.randbytes(300_000))

    def test_a_client_that_reads_late_loses_nothing(self):
        self.start("echo")
        stream, steady = self.stream(receive_buffer=8_192), self.stream()
        data = random.Random(2).randbytes(200_000)
        stream.reads = False
        stream.send(data)
        pump([stream], lambda: not stream.outgoing)
        self.assert_comes_back(steady, b"nobody waits for the other")
        stream.reads = True
        pump([stream], lambda: stream.ended or stream.received >= len(data))
        self.assertTrue(stream.incoming == data, "other bytes came back")

    def test_clients_that_leave_in_the_middle_harm_nobody(self):
        for mode in ("echo", "packet"):
            with self.subTest(mode=mode):
                self.start(mode)
                steady = self.stream()
                for number in range(10):
                    victim = self.stream()
                    victim.send(frame(1, bytes(20_000)) + frame(2, bytes(100))[:50])
                    pump([victim], lambda: not victim.outgoing)
                    victim.reset() if number % 2 else victim.close()
                    self.assert_comes_back(steady, frame(3, b"still here"))

    def test_packets_of_any_size_come_back(self):
        self.start("packet")
        stream, chance = self.stream(), random.Random(3)
        for size in (4, 5, 255, 256, 4_096, 16_384, 16_385, LARGEST_PACKET - 1, LARGEST_PACKET, 4):
            with self.subTest(size=size):
                self.assert_comes_back(stream, frame(7, chance.randbytes(size - HEADER.size)))

    def test_a_packet_comes_back_only_when_it_is_whole(self):
        self.start("packet")
        stream, packet = self.stream(), frame(9, b"0123456789")
        for cut in range(1, len(packet)):
            with self.subTest(cut=cut):
                self.assert_comes_back(stream, packet + packet[:cut], expected=packet)
                self.assert_comes_back(stream, packet[cut:], expected=packet)
        self.assertEqual(stream.received, 2 * len(packet) * (len(packet) - 1))

    def test_coalesced_and_split_packets_come_back(self):
        self.start("packet")
        chance = random.Random(4)
        sizes = [int(chance.triangular(0, 9_000, 0)) for _ in range(200)]
        data = b"".join(frame(number, chance.randbytes(size)) for number, size in enumerate(sizes))
        self.assert_comes_back(self.stream(), data)
        self.assert_comes_back(self.stream(random=chance, largest_chunk=700), data)
        self.assert_comes_back(self.stream(largest_chunk=1), data[:3_000], expected=whole_of(data[:3_000]))

    def test_a_size_below_the_header_ends_the_connection(self):
        self.start("packet")
        steady = self.stream()
        for size in range(HEADER.size):
            with self.subTest(size=size):
                stream = self.stream()
                self.assert_comes_back(stream, frame(1, b"good"))
                stream.send(frame(1, size=size))
                pump([stream], lambda: stream.ended)
                self.assertEqual(stream.received, len(frame(1, b"good")))
                self.assert_comes_back(steady, frame(2, b"still here"))

    # ---- broadcast

    def join(self, count, **options):
        """Members in a known order of arrival: each is heard before the next connects."""
        members = []
        for _ in range(count):
            member = Member(len(self.everybody), self.server.address, **options)
            self.addCleanup(member.close)
            member.missed = {other.number: other.sent for other in self.everybody}
            self.everybody.append(member)
            members.append(member)
            member.talk()
            pump(self.everybody, lambda: member.ended or member.heard_of(member) == 1)
        return members

    def exchange(self, groups, count, padding=0, strictly=True):
        everybody = [member for group in groups for member in group]
        for member in everybody:
            member.talk(count, padding)
        pump(everybody, lambda: all(member.has_heard(group) for group in groups for member in group))
        for group in groups:
            for member in group:
                self.assertFalse(member.ended, f"member {member.number} was sent away")
                for other in group:
                    self.assertEqual(member.heard[other.number], list(member.due_from(other)))
                if strictly:
                    self.assertEqual(set(member.heard), {other.number for other in group})

    def start_groups(self, size, *more):
        self.everybody = []
        self.start("broadcast", size, *more)

    def test_groups_of_three_hear_each_other(self):
        self.start_groups(3)
        members = self.join(7)
        groups = [members[0:3], members[3:6], members[6:7]]
        self.exchange(groups, count=50)
        members += self.join(1)
        self.exchange([*groups[:2], members[6:8]], count=20)

    def test_group_0_is_everybody(self):
        self.start_groups(0)
        self.exchange([self.join(12)], count=20)

    def test_packets_of_any_size_go_round(self):
        self.start_groups(3)
        members = self.join(3)
        for padding in (0, 1_000, LARGEST_PACKET - HEADER.size - 8):
            with self.subTest(padding=padding):
                self.exchange([members], count=5, padding=padding)

    def test_packets_in_pieces_go_round_whole(self):
        self.start_groups(3)
        self.exchange([self.join(3, largest_chunk=7)], count=100, padding=30)

    def test_members_that_leave_in_the_middle_do_not_stop_the_others(self):
        self.start_groups(4)
        *members, leaver, killed = self.join(4)
        for number, victim in enumerate((leaver, killed)):
            victim.send(frame(1, bytes(100))[:50])
            pump([victim], lambda: not victim.outgoing)
            victim.reset() if number else victim.close()
            self.exchange([members], count=50, strictly=False)

    def test_a_malformed_member_is_ended_and_the_others_go_on(self):
        self.start_groups(3)
        *members, bad = self.join(3)
        bad.send(frame(1, size=1))
        pump([bad], lambda: bad.ended)
        self.exchange([members], count=50, strictly=False)

    def test_a_slow_reader_delays_nobody_and_loses_nothing(self):
        self.start_groups(3)
        *fast, slow = self.join(3, receive_buffer=16_384)
        slow.reads = False
        # 3 MB in all: below the 4 MiB that a peer keeps for a member.
        self.exchange([fast], count=80, padding=19_000, strictly=False)
        slow.reads = True
        pump([slow], lambda: slow.has_heard(fast))
        for other in fast:
            self.assertEqual(slow.heard[other.number], list(slow.due_from(other)))

    def test_a_reader_that_is_too_slow_is_dropped_and_alone_in_its_loss(self):
        self.start_groups(3)
        *fast, slow = self.join(3, receive_buffer=16_384)
        slow.reads = False
        # More than 4 MiB and every buffer of the kernel together.
        for _ in range(8):
            self.exchange([fast], count=80, padding=19_000, strictly=False)
        slow.reads = True
        pump([slow], lambda: slow.ended)
        for other in fast:
            heard = slow.heard.get(other.number, [])
            self.assertEqual(heard, list(slow.due_from(other))[:len(heard)], "a gap in what was heard")


class ThreadedTest(PeerTest):
    """What those with an option --threads also do."""

    def test_two_threads_do_the_same(self):
        self.start_groups(3, "--threads", 2)
        members = self.join(9)
        self.exchange([members[0:3], members[3:6], members[6:9]], count=50)
        for mode, data in (("echo", bytes(100_000)), ("packet", frame(1, bytes(5_000)) * 20)):
            self.start(mode, 10, "--threads", 2)
            streams = [self.stream() for _ in range(6)]
            for stream in streams:
                stream.send(data)
            pump(streams, lambda: all(stream.ended or stream.received >= len(data) for stream in streams))
            self.assertTrue(all(stream.incoming == data for stream in streams), "other bytes came back")


class AbsentTest:
    """One skipped test for all of a peer that is not here."""

    REASON = ""

    def test_it_is_here(self):
        self.skipTest(self.REASON)


def whole_of(data):
    """The whole packets at the beginning."""
    at = 0
    while len(data) - at >= HEADER.size and HEADER.unpack_from(data, at)[0] <= len(data) - at:
        at += HEADER.unpack_from(data, at)[0]
    return data[:at]


def why_not(peer):
    if peer.name in CHEAP:
        reason = peers.why_not_built(peer, 1)
        if reason and CI:
            raise AssertionError(f"{peer.name}: {reason}")
        return reason
    return None if peer.is_built() else "not built (Benchmarks/peers/peers.py)"


def load_tests(loader, standard, pattern):
    """One class for each peer. Where CI=true only what has to be there counts, so nothing is skipped."""
    suite = unittest.TestSuite()
    for peer in catalogue.values():
        reason = why_not(peer)
        if reason is None and peer.name == "c-uring" and not has_io_uring():
            reason = "no io_uring here"
        if reason and CI and peer.name not in CHEAP:
            continue
        name = "Peer_" + peer.name.replace("-", "_")
        base = AbsentTest if reason else ThreadedTest if peer.is_threaded else PeerTest
        case = type(name, (base, unittest.TestCase), {"PEER": peer.name, "REASON": reason})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


catalogue = {peer.name: peer for peer in peers.peers()}
