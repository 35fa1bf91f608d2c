# SPDX-License-Identifier: Apache-2.0
"""`gori echo --mode broadcast`: each packet goes to every member of the sender's group."""

import struct

import clients  # noqa: F401
from gori_packets import Reassembler, frame
from streams import Stream, pump
from support import ServerTest

TALK = 1_000
TAG = struct.Struct("<II")


class Member(Stream):
    """Sends numbered packets, and keeps the numbers it hears of every sender."""

    def __init__(self, number, address, **options):
        super().__init__(address, **options)
        self.number = number
        self.sent = 0
        self.heard = {}
        # How much the others had said before this member joined.
        self.missed = {}
        self.reassembler = Reassembler()

    def talk(self, count=1, padding=0):
        for _ in range(count):
            self.send(frame(TALK, TAG.pack(self.number, self.sent) + bytes(padding)))
            self.sent += 1

    def on_received(self):
        for _, body in self.reassembler.feed(self.incoming):
            sender, sequence = TAG.unpack_from(body)
            self.heard.setdefault(sender, []).append(sequence)
        self.incoming.clear()

    def heard_of(self, other):
        return len(self.heard.get(other.number, ()))

    def due_from(self, other):
        """The numbers that this member has to hear of another one."""
        return range(self.missed.get(other.number, 0), other.sent)

    def has_heard(self, members):
        return self.ended or all(self.heard_of(other) >= len(self.due_from(other)) for other in members)


class BroadcastTest(ServerTest):
    WORKERS = "1"

    def setUp(self):
        self.everybody = []

    def start_with(self, group):
        self.server = self.echo("--mode", "broadcast", "--group", group, "--workers", self.WORKERS)

    def join(self, count, **options):
        """Members in a known order of accept: each is heard before the next connects."""
        members = []
        for _ in range(count):
            member = Member(len(self.everybody), self.server.address, **options)
            self.addCleanup(member.close)
            member.missed = {other.number: other.sent for other in self.everybody}
            self.everybody.append(member)
            members.append(member)
            member.talk()
            pump(self.everybody, lambda: member.ended or member.heard_of(member) == 1)
            self.assertFalse(member.ended, f"member {member.number} was sent away")
        return members

    def talk(self, groups, count, padding=0):
        """Everybody talks, and hears everything of the own group in order."""
        everybody = [member for group in groups for member in group]
        for member in everybody:
            member.talk(count, padding)
        pump(everybody, lambda: all(
            member.has_heard(group) for group in groups for member in group))
        for group in groups:
            for member in group:
                self.assertFalse(member.ended, f"member {member.number} was sent away")
                self.assert_heard(member, group)

    def exchange(self, groups, count, padding=0):
        """Like `talk`, and nobody has ever heard anybody outside the own group."""
        self.talk(groups, count, padding)
        for group in groups:
            for member in group:
                self.assertEqual(set(member.heard), {other.number for other in group})

    def assert_heard(self, member, others):
        for other in others:
            self.assertEqual(
                member.heard.get(other.number, []), list(member.due_from(other)),
                f"what {member.number} heard of {other.number}")


class Broadcast(BroadcastTest):
    def test_groups_are_formed_in_order_of_accept(self):
        self.start_with(group=3)
        members = self.join(9)
        self.exchange([members[0:3], members[3:6], members[6:9]], count=50)

    def test_an_unfinished_group_works_with_the_members_it_has(self):
        self.start_with(group=3)
        members = self.join(7)
        self.exchange([members[0:3], members[3:6], members[6:7]], count=20)
        members += self.join(1)
        self.exchange([members[6:8]], count=20)

    def test_group_0_is_everybody(self):
        self.start_with(group=0)
        self.exchange([self.join(12)], count=20)

    def test_groups_of_one_echo(self):
        self.start_with(group=1)
        self.exchange([[member] for member in self.join(4)], count=20)

    def test_ten_is_the_default(self):
        self.server = self.echo("--mode", "broadcast", "--workers", self.WORKERS)
        members = self.join(12)
        self.exchange([members[:10], members[10:]], count=10)

    def test_packets_of_any_size_go_round(self):
        self.start_with(group=3)
        members = self.join(3)
        for padding in (0, 1, 1_000, 16_384 - 4 - TAG.size):
            with self.subTest(padding=padding):
                self.exchange([members], count=5, padding=padding)

    def test_packets_in_pieces_go_round_whole(self):
        self.start_with(group=3)
        members = self.join(3, largest_chunk=7)
        self.exchange([members], count=100, padding=30)

    def test_a_member_that_leaves_does_not_stop_the_others(self):
        self.start_with(group=4)
        *members, leaver, killed = self.join(4)
        leaver.close()
        killed.reset()
        self.talk([members], count=50)

    def test_a_malformed_member_is_ended_and_the_others_go_on(self):
        self.start_with(group=3)
        *members, bad = self.join(3)
        bad.send(frame(TALK, size=1))
        pump([bad], lambda: bad.ended)
        self.assertFalse(bad.was_reset)
        self.talk([members], count=50)

    def test_a_slow_reader_delays_nobody_and_loses_nothing_below_its_cap(self):
        self.start_with(group=3)
        *fast, slow = self.join(3, receive_buffer=16_384)
        slow.reads = False
        # 160 KB in all: less than the 256 KiB that a server keeps for a session.
        self.talk([fast], count=80, padding=1_000)
        slow.reads = True
        pump([slow], lambda: slow.has_heard(fast))
        self.assert_heard(slow, fast)

    def test_a_reader_slower_than_its_cap_is_alone_in_its_loss(self):
        self.start_with(group=3)
        *fast, slow = self.join(3, receive_buffer=16_384)
        slow.reads = False
        # More than every buffer between server and client together with the cap.
        for _ in range(12):
            self.talk([fast], count=100, padding=8_000)
        slow.reads = True
        last = fast[0]
        last.talk()
        pump([*fast, slow], lambda: last.heard_of(last) == last.sent)
        for other in fast:
            heard = slow.heard.get(other.number, [])
            self.assertEqual(heard, list(slow.due_from(other))[:len(heard)], "a gap in what was heard")


class BroadcastOnTwoWorkers(Broadcast):
    WORKERS = "2"
