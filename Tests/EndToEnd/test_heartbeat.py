# SPDX-License-Identifier: Apache-2.0
"""Silence: the server asks, and ends a session that does not answer."""

import time

import clients  # noqa: F401
from gori_packets import *
from support import BadInputTest


class Heartbeat(BadInputTest):
    ARGUMENTS = ("--heartbeat", "300")
    HEARTBEAT = 0.3

    def test_a_silent_client_is_pinged_and_then_ended(self):
        client = self.greeted(self.server)
        client.answers_pings = False
        began = time.monotonic()
        self.assert_ends(client, SILENT)
        lasted = time.monotonic() - began
        self.assertGreaterEqual(client.pings_seen, 1)
        # Three heartbeats, give or take one for the clock that looks for silence.
        self.assertGreater(lasted, 0.6)
        self.assertLess(lasted, 3.0)

    def test_a_silent_player_is_ended_and_removed(self):
        player, witness = self.player(self.server, "quiet"), self.player(self.server, "witness")
        self.see_each_other(player, witness)
        player.answers_pings = False
        self.assert_does_not_see(witness, player)
        self.assert_ends(player, SILENT)

    def test_a_client_that_answers_stays(self):
        client = self.greeted(self.server)
        self.idle(client, seconds=3.0)
        self.assertGreaterEqual(client.pings_seen, 5)
        client.ping()

    def test_bytes_of_any_kind_are_life(self):
        client = self.greeted(self.server)
        client.answers_pings = False
        dripped = encode(Login(5, "drop-by-drop"))
        for index in range(len(dripped)):
            client.send_bytes(dripped[index:index + 1])
            if index + 1 < len(dripped):
                self.idle(client, seconds=0.15)
        self.assertEqual(client.expect(LoginResult).request, 5)

    def test_a_player_who_moves_is_alive_without_answering_pings(self):
        player = self.player(self.server)
        player.answers_pings = False
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            player.walk(1)
        self.idle(player, seconds=0.1)

    def test_silence_ends_with_goodbye_however_long_the_client_was_silent(self):
        clients = [self.greeted(self.server) for _ in range(10)]
        for client in clients:
            client.answers_pings = False
        for client in clients:
            self.assert_ends(client, SILENT)

    def idle(self, client, seconds):
        end = time.monotonic() + seconds
        try:
            while client.receive(end - time.monotonic()) is not None:
                pass
        except TimeoutError:
            return
        self.fail(f"the session ended: {client.goodbye}")
