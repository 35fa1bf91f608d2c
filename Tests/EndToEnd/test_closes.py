# SPDX-License-Identifier: Apache-2.0
"""Many closes with input still arriving.

GORI_CLOSES sets how many; 1,000 is the default.
"""

import os
import random
import struct

import clients  # noqa: F401
from gori_packets import *
from streams import Stream, pump
from support import Bystander, ServerTest

CLOSES = int(os.environ.get("GORI_CLOSES", "1000"))
AT_ONCE = 50
HELLO = encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "closing"))
TAG = struct.Struct("<II")


class Closer(Stream):
    """Provokes a close and goes on sending until it hears goodbye."""

    def __init__(self, address, provocation, reasons, extra):
        super().__init__(address)
        self.reasons = reasons
        self.extra = extra
        self.reassembler = Reassembler()
        self.packets = []
        self.send(provocation)

    def on_received(self):
        self.packets += [decode(*packet) for packet in self.reassembler.feed(self.incoming)]
        self.incoming.clear()
        if self.said_goodbye:
            self.extra = 0
            self.outgoing.clear()

    def before_sending(self):
        if self.extra and not self.outgoing:
            count = min(self.extra, 4_096)
            self.send(bytes(count))
            self.extra -= count

    @property
    def said_goodbye(self):
        return bool(self.packets) and isinstance(self.packets[-1], Goodbye)

    @property
    def fault(self):
        if self.was_reset:
            return f"reset after {self.packets}"
        if not self.said_goodbye:
            return f"no goodbye, but {self.packets}"
        if self.packets[-1].reason not in self.reasons:
            return f"another goodbye: {self.packets[-1]}"
        before = [type(value) for value in self.packets[:-1]]
        if before not in ([], [Welcome]) or self.reassembler.rest:
            return f"bytes that are not its own: {self.packets}"
        return None


class Talker(Stream):
    """Sends packets that nobody else sends, and compares what comes back byte by byte."""

    def __init__(self, address, number, window=20_000):
        super().__init__(address)
        self.number = number
        self.chance = random.Random(number)
        self.window = window
        self.sequence = 0
        self.expected = bytearray()
        self.foreign = None
        self.is_done = False

    def before_sending(self):
        while not self.is_done and len(self.expected) < self.window:
            self.say()

    def say(self):
        filling = TAG.pack(self.number, self.sequence) * self.chance.randint(1, 200)
        packet = frame(self.number & 0xFFFF, filling)
        self.sequence += 1
        self.expected += packet
        self.send(packet)

    def on_received(self):
        count = len(self.incoming)
        if self.foreign is None and self.incoming != self.expected[:count]:
            start = bytes(self.incoming[:40])
            self.foreign = f"client {self.number} received other bytes than its own: {start}"
        del self.expected[:count]
        self.incoming.clear()


class Quitter(Talker):
    """A talker whose last packet is malformed, and that does not stop there."""

    def __init__(self, address, number, packets, extra):
        super().__init__(address, number)
        self.is_done = True
        for _ in range(packets):
            self.say()
        self.send(frame(0, size=0) + bytes(extra))


class Closes(ServerTest):
    WORKERS = "2"

    def closers(self, server, first, count):
        provocations = [
            (HELLO + frame(4, size=0), {MALFORMED}),
            (HELLO + frame(999, size=40_000), {MALFORMED}),
            (encode(Ping(1)), {HELLO_EXPECTED}),
            (HELLO + frame(999) * 9, {VIOLATIONS}),
        ]
        for number in range(first, first + count):
            provocation, reasons = random.Random(number).choice(provocations)
            # Every tenth has as much on its way as no server reads for a
            # session that it has given up.
            extra = 300_000 if number % 10 == 0 else 1_000 * (number % 8)
            closer = Closer(server.address, provocation, reasons, extra)
            self.addCleanup(closer.close)
            yield closer

    def test_every_client_that_reads_hears_goodbye_and_an_end(self):
        server = self.serve("--workers", self.WORKERS)
        with Bystander(server), Bystander(server):
            for first in range(0, CLOSES, AT_ONCE):
                wave = list(self.closers(server, first, min(AT_ONCE, CLOSES - first)))
                pump(wave, lambda: all(closer.ended for closer in wave), timeout=30)
                faults = [closer.fault for closer in wave if closer.fault]
                self.assertFalse(faults, f"{len(faults)} of {len(wave)} at close {first}")
                for closer in wave:
                    closer.close()

    def test_nobody_receives_bytes_that_are_not_its_own(self):
        server = self.echo("--mode", "packet", "--workers", self.WORKERS)
        steady = [Talker(server.address, number) for number in range(8)]
        for talker in steady:
            self.addCleanup(talker.close)
        for first in range(0, CLOSES, AT_ONCE):
            wave = []
            for number in range(first, min(first + AT_ONCE, CLOSES)):
                extra = 300_000 if number % 10 == 0 else 500 * (number % 8)
                quitter = Quitter(server.address, 1_000 + number, number % 6, extra)
                self.addCleanup(quitter.close)
                wave.append(quitter)
            pump(steady + wave, lambda: all(quitter.ended for quitter in wave), timeout=30)
            for client in steady + wave:
                self.assertIsNone(client.foreign)
            for quitter in wave:
                self.assertFalse(quitter.was_reset, f"client {quitter.number} was reset")
                quitter.close()
            self.assertFalse([talker for talker in steady if talker.ended], "a steady client was ended")
        for talker in steady:
            talker.is_done = True
        pump(steady, lambda: all(talker.ended or not talker.expected for talker in steady))
        for talker in steady:
            self.assertFalse(talker.ended)
            self.assertIsNone(talker.foreign)
            self.assertGreater(talker.sequence, 10)
