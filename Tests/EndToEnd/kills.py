#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills a server under load again and again, and checks what it remembers.

    python3 Tests/EndToEnd/kills.py [--kills N] [--players N] [--seconds FROM TO] [--seed N] [--io uring|epoll]

Players walk as fast as they are answered, and now and then log out and in
again. The server is killed with SIGKILL at a random moment and started again
with the same database: it must be ready within a second, and each player must
stand on a tile on which he stood at most ten seconds before the kill. The
program under test is the release build, or what GORI names.
"""

import argparse
import pathlib
import random
import sqlite3
import sys
import tempfile
import threading
import time

import clients  # noqa: F401
import server as servers
from gori_client import Client
from gori_connection import ProtocolError
from gori_packets import LEAVING, MoveResult

PROMISED_AGE = 10.0
PROMISED_START = 1.0


class Failed(AssertionError):
    """The server forgot something, or was late."""


class Recorder(Client):
    """Writes down when its player has been told to stand where."""

    def __init__(self, history):
        super().__init__()
        self.history = history

    def take_note(self, value):
        super().take_note(value)
        if isinstance(value, MoveResult):
            self.stand()

    def stand(self):
        now = time.monotonic()
        if self.history:
            self.history[-1][1] = now
        self.history.append([self.position, None])


class Walker:
    """A player who walks until the server is gone."""

    def __init__(self, name, seed):
        self.name = name
        self.random = random.Random(seed)
        # Each tile with when the player left it; None: he stands there.
        self.history = []
        self.client = None

    def enter(self, address):
        self.client = Recorder(self.history).connect(*address)
        self.client.enter(self.name)

    def start(self, address, leaves):
        """Walks, and now and then logs out and in again if it `leaves`, which has everybody's position written."""
        self.failure = None
        self.thread = threading.Thread(target=self._live, args=(address, leaves), daemon=True)
        self.thread.start()

    def _live(self, address, leaves):
        try:
            while True:
                self.client.walk(self.random.randrange(1, 20))
                if leaves and self.random.random() < 0.05:
                    self._come_back(address)
        except (OSError, ProtocolError, Failed) as error:
            self.failure = error
        self.ended = time.monotonic()

    def _come_back(self, address):
        before = self.client.position
        goodbye = self.client.logout()
        if goodbye is None or goodbye.reason != LEAVING:
            raise ConnectionResetError(f"a logout ended with {goodbye}")
        self.client.close()
        self.enter(address)
        if self.client.position != before:
            raise Failed(f"{self.name} logged out at {before} and came back at {self.client.position}")
        self.client.stand()

    def finish(self, killed):
        """The server has been killed: the player must have noticed then and not before."""
        self.thread.join(20)
        if self.thread.is_alive():
            raise Failed(f"{self.name} has not noticed that the server is gone")
        if isinstance(self.failure, Failed):
            raise self.failure
        if self.failure is None or self.ended < killed:
            raise Failed(f"{self.name} ended before the kill: {self.failure!r}")
        self.client.close()

    def come_back(self, address, killed):
        """Enters again. Returns how long before the kill the player stood there last, in seconds."""
        # A step that was done may not have been answered any more.
        asked_for = self.client.destination
        self.enter(address)
        position = self.client.position
        ages = [0.0 if left is None else max(0.0, killed - left) for tile, left in self.history if tile == position]
        if position == asked_for:
            ages.append(0.0)
        if not ages:
            raise Failed(f"{self.name} stands on {position}, where he never was")
        if min(ages) > PROMISED_AGE:
            raise Failed(f"{self.name} stands on {position}, which he left {min(ages):.1f} s before the kill")
        # What he did after that is forgotten, by us too.
        self.history.clear()
        self.client.stand()
        return min(ages)


def start(database, io):
    began = time.monotonic()
    port = ("--io", io) if io else ()
    server = servers.Server(
        "serve", "--listen", "127.0.0.1:0", "--move-interval", "0", "--monsters", "0", "--database", database, *port)
    server.__enter__()
    return server, time.monotonic() - began


def run(kills, players, seconds, database, seed=1, io=None, report=lambda line: None):
    """Returns the longest start and the greatest age of a position, in seconds."""
    chance = random.Random(seed)
    walkers = [Walker(f"walker-{number}", chance.random()) for number in range(players)]
    longest_start = greatest_age = 0.0
    server, _ = start(database, io)
    try:
        for walker in walkers:
            walker.enter(server.address)
            walker.client.stand()
        for number in range(1, kills + 1):
            for walker in walkers:
                walker.start(server.address, leaves=number % 2 == 0)
            time.sleep(chance.uniform(*seconds))
            killed = time.monotonic()
            server.kill()
            for walker in walkers:
                walker.finish(killed)
            server, took = start(database, io)
            if took > PROMISED_START:
                raise Failed(f"the server was ready after {took:.2f} s, {PROMISED_START} promised")
            ages = [walker.come_back(server.address, killed) for walker in walkers]
            longest_start, greatest_age = max(longest_start, took), max(greatest_age, *ages)
            report(f"kill {number}: ready after {took * 1000:.0f} ms, positions up to {max(ages):.1f} s old")
        server.stop()
    finally:
        if not server.stopped:
            server.kill()
    connection = sqlite3.connect(database)
    verdict = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    if verdict != [("ok",)]:
        raise Failed(f"the database is damaged: {verdict}")
    return longest_start, greatest_age


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--players", type=int, default=20)
    parser.add_argument("--seconds", type=float, nargs=2, default=(0.5, 8.0), metavar=("FROM", "TO"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--io", choices=("uring", "epoll"))
    return parser.parse_args()


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        database = pathlib.Path(folder) / "gori.sqlite"
        try:
            longest_start, greatest_age = run(
                options.kills, options.players, options.seconds, database, options.seed, options.io,
                lambda line: print(line, flush=True))
        except AssertionError as error:
            print(f"kills: {error}", file=sys.stderr)
            return 1
    print(f"{options.kills} kills, {options.players} players: ready within {longest_start * 1000:.0f} ms, "
          f"no position older than {greatest_age:.1f} s, the database is whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
