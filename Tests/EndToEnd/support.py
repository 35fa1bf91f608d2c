# SPDX-License-Identifier: Apache-2.0
"""What the tests have in common: a test case that starts servers, and players that check."""

import itertools
import os
import socket
import struct
import threading
import time
import unittest

import clients  # noqa: F401
from gori_client import Client
from gori_packets import *

import server as servers

# Unlike any other run's, in case a server keeps its accounts.
RUN = f"{os.getpid() % 46_656:x}{int(time.time()) % 46_656:x}"
numbers = itertools.count(1)


def unique_name(prefix="p"):
    return f"{prefix}-{RUN}-{next(numbers)}"[:20]


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = unittest.skipUnless(has_ipv6(), "this machine has no IPv6")


def close_with_reset(client):
    """Ends a connection as a client does that is killed."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class ServerTest(unittest.TestCase):
    """Servers and clients that are gone when the test is; a server has to end with status 0."""

    LOCAL = ("--listen", "127.0.0.1:0")
    # Fast enough for tests that walk far; nothing but the players moves.
    FAST = ("--move-interval", "0", "--monsters", "0")

    def serve(self, *arguments, listen=LOCAL, **options):
        return self.start("serve", *listen, *self.FAST, *arguments, **options)

    def echo(self, *arguments, listen=LOCAL):
        return self.start("echo", *listen, *arguments)

    def start(self, *arguments, **options):
        server = servers.Server(*arguments, **options)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def connect(self, server, sender=None, address=None):
        client = Client(sender).connect(*(address or server.address))
        self.addCleanup(client.close)
        return client

    def greeted(self, server, **options):
        client = self.connect(server, **options)
        client.hello()
        return client

    def player(self, server, prefix="p", **options):
        client = self.connect(server, **options)
        client.enter(unique_name(prefix))
        return client

    def assert_ends(self, client, *reasons, within=5.0):
        """Goodbye with one of the reasons, then the end of the stream and never a reset."""
        try:
            goodbye = client.receive_end(within)
        except ConnectionResetError:
            self.fail(f"the stream was reset, after {client.goodbye}")
        self.assertIsNotNone(goodbye, "the stream ended without a goodbye")
        self.assertIn(goodbye.reason, reasons, goodbye)
        self.assertEqual(client.socket.recv(1), b"", "bytes after the end of the stream")
        return goodbye

    def assert_unanswered_and_open(self, client):
        """Nothing answered what was sent before, and the session goes on."""
        client.send(Ping(0x5EED))
        news = (Ping, AddObject, MoveObject, RemoveObject)
        while not isinstance(value := client.receive(), Pong):
            self.assertIsNotNone(value, f"the stream ended: {client.goodbye}")
            self.assertIsInstance(value, news, "something answered an invalid packet")
        self.assertEqual(value.token, 0x5EED)

    def see_each_other(self, *players):
        """Brings players together and waits until each knows where all others stand."""
        for number, player in enumerate(players[1:], start=1):
            self.lead(player, self.tile_near(players[0], number), players)
        for player in players:
            for other in players:
                if other is not player:
                    self.assert_sees(player, other)

    def lead(self, player, tile, others=()):
        """Walks a player to a tile, however far, while the others keep answering pings."""
        while player.position != tile:
            x, y = (here + max(-64, min(64, there - here)) for here, there in zip(player.position, tile))
            player.walk_to(x, y)
            for other in others:
                other.catch_up()

    def assert_sees(self, player, other, within=5.0):
        def sees():
            seen = player.objects.get(other.object)
            return seen is not None and seen.position == other.position

        try:
            player.wait_until(sees, within)
        except TimeoutError:
            self.fail(
                f"{player.name} at {player.position} knows {player.objects.get(other.object)} of "
                f"{other.name} at {other.position}")
        self.assertEqual(player.objects[other.object].name, other.name)

    def assert_does_not_see(self, player, other, within=5.0):
        try:
            player.wait_until(lambda: other.object not in player.objects, within)
        except TimeoutError:
            self.fail(f"{player.name} still sees {player.objects[other.object]}")

    def tile_near(self, player, number):
        x, y = player.position
        return x + (1 if x + 1 < player.width else -1), y + (number % 3 if y + 2 < player.height else 0)


class Bystander:
    """A well-behaved player on a thread of its own, whom nobody else's faults may concern.

    It walks and pings all the time and checks every answer. As a context
    manager: leaving it fails if the player has lost anything.
    """

    LEAST_MOVES = 3

    def __init__(self, server, heartbeat=10.0):
        self.client = Client().connect(*server.address)
        self.client.enter(unique_name("by"))
        # Four in a heartbeat are the limit.
        self.ping_interval = heartbeat / 2
        self.finished = threading.Event()
        self.failure = None
        self.pongs = 0
        self.thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.finished.set()
        self.thread.join(30)
        self.client.close()
        if self.thread.is_alive():
            raise AssertionError("the bystander is stuck")
        if self.failure is not None:
            raise AssertionError(f"the bystander lost something: {self.failure!r}") from self.failure

    def _live(self):
        try:
            next_ping = time.monotonic()
            while not self.finished.is_set() or self.client.moves_done < self.LEAST_MOVES:
                self.client.walk(1)
                if time.monotonic() >= next_ping:
                    self.client.ping()
                    self.pongs += 1
                    next_ping = time.monotonic() + self.ping_interval
        except Exception as error:  # Whatever it is, the test's thread has to hear of it.
            self.failure = error


class BadInputTest(ServerTest):
    """A server with default settings, and a bystander who may not notice anything."""

    ARGUMENTS = ()
    HEARTBEAT = 10.0

    def setUp(self):
        self.server = self.serve(*self.ARGUMENTS)
        bystander = Bystander(self.server, self.HEARTBEAT)
        bystander.__enter__()
        self.addCleanup(bystander.__exit__, None)
