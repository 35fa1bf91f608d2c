# SPDX-License-Identifier: Apache-2.0
"""One character, several sessions: the last that enters has it, and never do two."""

import os
import random
import threading
import time

import clients  # noqa: F401
from gori_client import Client
from gori_connection import ProtocolError, SessionEnded
from gori_packets import *
from support import ServerTest, close_with_reset, unique_name

# Entrances in the race; `quick` does fewer of the same.
RACES = 1_000 if os.environ.get("GORI_TEST_LEVEL") == "quick" else int(os.environ.get("GORI_RACES", 10_000))


class TakeoverTest(ServerTest):
    def serve_fast(self, *arguments, **options):
        return self.serve("--database", "off", "--workers", "2", "--tick", "20", *arguments, **options)

    def enter(self, server, name):
        client = self.connect(server)
        client.enter(name)
        return client


class Takeover(TakeoverTest):
    def test_the_new_session_gets_the_character_and_the_old_one_is_told(self):
        server = self.serve_fast()
        # On both workers, in every combination.
        for _ in range(12):
            name = unique_name()
            old = self.enter(server, name)
            old.walk(4)
            new = self.enter(server, name)
            self.assert_ends(old, REPLACED)
            self.assertEqual(new.position, old.position)
            new.walk(3)

    def test_others_see_one_leave_and_the_other_come_to_the_same_tile(self):
        server = self.serve_fast()
        name = unique_name()
        old, witness = self.enter(server, name), self.player(server)
        self.see_each_other(old, witness)
        new = self.enter(server, name)
        self.assert_ends(old, REPLACED)
        self.assert_does_not_see(witness, old)
        self.assert_sees(witness, new)
        self.assertEqual(new.position, old.position)
        new.name = name
        self.assert_sees(new, witness)

    def test_a_login_alone_takes_nothing_away(self):
        server = self.serve_fast()
        name = unique_name()
        player = self.enter(server, name)
        idler = self.greeted(server)
        character = idler.login(name).characters[0]
        player.walk(3)
        self.assertEqual(idler.select(character.id).code, 0)
        self.assert_ends(player, REPLACED)

    def test_names_that_differ_in_one_byte_play_beside_each_other(self):
        server = self.serve_fast()
        players = [self.enter(server, name) for name in ("ann", "Ann", "ann ", "e\u0301", "\u00e9")]
        for player in players:
            player.walk(2)

    def test_a_character_may_be_taken_over_again_and_again(self):
        server = self.serve_fast()
        name = unique_name()
        sessions = [self.enter(server, name) for _ in range(20)]
        for session in sessions[:-1]:
            self.assert_ends(session, REPLACED)
        sessions[-1].walk(2)

    def test_of_many_that_come_at_once_one_plays_and_all_others_are_told(self):
        server = self.serve_fast()
        name = unique_name()
        clients = [self.greeted(server) for _ in range(40)]
        for client in clients:
            client.login(name)
        character = clients[0].login(name).characters[0].id
        for number, client in enumerate(clients):
            client.send(SelectCharacter(100 + number, character))
        ended = []
        for client in clients:
            try:
                client.wait_until(lambda: client.goodbye is not None, 0.5)
            except TimeoutError:
                continue
            ended.append(client.goodbye.reason)
        self.assertEqual(ended, [REPLACED] * 39)
        [player] = [client for client in clients if client.goodbye is None]
        self.assertIsNotNone(player.object)
        player.walk(2)

    def test_a_takeover_of_a_slow_leaver_waits_and_then_enters(self):
        """The old session's goodbye is behind output that it does not read."""
        server = self.serve_fast()
        name = unique_name()
        old = self.enter(server, name)
        new = self.enter(server, name)
        self.assertIsNone(new.goodbye)
        new.walk(2)
        self.assert_ends(old, REPLACED)


class Witness(threading.Thread):
    """Stands in the middle of it all: no two objects of one name may ever be known at once."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client = Client().connect(*server.address)
        self.client.enter("witness")
        self.names = {}
        self.seen = 0
        self.failure = None
        self.finished = threading.Event()
        original = self.client.take_note
        self.client.take_note = lambda value: (original(value), self.note(value))

    def note(self, value):
        if isinstance(value, AddObject) and value.object != self.client.object:
            if value.name in self.names:
                raise ProtocolError(f"{value.name} is {self.names[value.name]} and {value.object} at once")
            self.names[value.name] = value.object
            self.seen += 1
        elif isinstance(value, RemoveObject):
            self.names = {name: number for name, number in self.names.items() if number != value.object}

    def run(self):
        try:
            while not self.finished.is_set():
                try:
                    self.client.receive(0.2)
                except TimeoutError:
                    continue
        except Exception as error:
            self.failure = error


class Racer(threading.Thread):
    """Enters as one of a few characters again and again, and leaves in every way there is."""

    def __init__(self, server, names, entrances, seed):
        super().__init__(daemon=True)
        self.server, self.names, self.entrances, self.random = server, names, entrances, random.Random(seed)
        self.outcomes = {}
        self.failure = None

    def run(self):
        try:
            while (entered := self.outcomes.get("entered", 0)) < self.entrances:
                self.play_once()
                if self.outcomes.get("entered", 0) == entered:
                    # Whoever is replaced at the door and comes back at once keeps everybody out.
                    time.sleep(self.random.random() * 0.1)
        except Exception as error:
            self.failure = error

    def count(self, what):
        self.outcomes[what] = self.outcomes.get(what, 0) + 1

    def play_once(self):
        client = Client().connect(*self.server.address)
        try:
            client.hello()
            character = client.login(self.random.choice(self.names)).characters[0].id
            client.send(SelectCharacter(7, character))
            way = self.random.randrange(6)
            if way == 0:
                # Gone before the answer.
                close_with_reset(client)
                return self.count("gone while entering")
            entered = client.expect(EnterWorld)
            if entered.code != 0:
                raise ProtocolError(f"may not enter: {entered}")
            self.count("entered")
            if way == 1:
                # Never out of sight: the middle of the map is where they came in.
                client.walk_to(*(side // 2 + self.random.randrange(-2, 3) for side in (client.width, client.height)))
            if way == 2:
                close_with_reset(client)
                return self.count("gone")
            if way == 3:
                client.send(Logout(8))
            if way == 4:
                client.close()
                return self.count("hung up")
            # Until it is answered, or somebody else comes, or nobody does.
            self.ended(client.receive_end(10 if way == 3 else self.random.random() * 0.2))
        except SessionEnded:
            self.ended(client.goodbye)
        except TimeoutError:
            self.count("still there")
        finally:
            client.close()

    def ended(self, goodbye):
        if goodbye is None or goodbye.reason not in (REPLACED, LEAVING):
            raise ProtocolError(f"ended with {goodbye}")
        self.count("replaced" if goodbye.reason == REPLACED else "logged out")


class Race(TakeoverTest):
    def test_logins_logouts_and_ends_may_race_and_there_are_never_two_of_one_character(self):
        # Everybody appears within view of the witness.
        server = self.serve_fast("--spawn-area", "5")
        names = [f"racer-{number}" for number in range(24)]
        racers = [Racer(server, names, RACES // 32, seed) for seed in range(32)]
        witness = Witness(server)
        witness.start()
        began = time.monotonic()
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(240)
        took = time.monotonic() - began
        witness.finished.set()
        witness.join(10)
        self.assertEqual([racer.failure for racer in racers if racer.failure or racer.is_alive()], [])
        self.assertIsNone(witness.failure)
        outcomes = {}
        for racer in racers:
            for what, count in racer.outcomes.items():
                outcomes[what] = outcomes.get(what, 0) + count
        print(f"32 sessions at a time on {len(names)} characters, {took:.1f} s: {outcomes}, {witness.seen} seen")
        self.assertGreater(outcomes.get("replaced", 0), RACES // 10)
        self.assertGreater(witness.seen, RACES // 2)
        # Every character is free again, or taken over, at once.
        for name in names:
            self.enter(server, name).walk(1)


if __name__ == "__main__":
    import unittest
    unittest.main()
