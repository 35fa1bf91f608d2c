# SPDX-License-Identifier: Apache-2.0
"""Closing: goodbye reaches every client that reads, then the stream ends in order."""

import signal
import time

import clients  # noqa: F401
from gori_packets import *
from server import DRAIN_DEADLINE, MARGIN
from streams import Stream, pump
from support import BadInputTest, ServerTest, close_with_reset

HELLO = encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "py"))
EXTRA = bytes(300_000)


class FramingErrors(BadInputTest):
    def test_a_size_below_the_header_ends_the_session(self):
        for size in range(SMALLEST_PACKET):
            with self.subTest(size=size):
                client = self.greeted(self.server)
                client.send_bytes(frame(Ping.type_number, size=size))
                self.assert_ends(client, MALFORMED)

    def test_a_size_above_the_maximum_ends_the_session_at_its_header(self):
        for size in (16_385, LARGEST_PACKET):
            with self.subTest(size=size):
                client = self.greeted(self.server)
                client.send_bytes(frame(999, size=size))
                self.assert_ends(client, MALFORMED)

    def test_it_ends_the_session_in_the_world_too(self):
        player = self.player(self.server, "bad")
        player.send_bytes(frame(Move.type_number, size=1))
        self.assert_ends(player, MALFORMED)

    def test_nothing_after_it_reaches_the_game(self):
        talker, listener = self.player(self.server, "talker"), self.player(self.server, "listener")
        self.see_each_other(talker, listener)
        talker.send_bytes(frame(Ping.type_number, size=2) + encode(Chat(1, 0, "too late")))
        self.assert_ends(talker, MALFORMED)
        self.assert_does_not_see(listener, talker)
        self.assertEqual(listener.chats, [])

    def test_half_a_header_is_not_judged(self):
        client = self.greeted(self.server)
        ping = encode(Ping(5))
        client.send_bytes(ping[:3])
        with self.assertRaises(TimeoutError):
            client.receive(0.3)
        client.send_bytes(ping[3:])
        self.assertEqual(client.expect(Pong).token, 5)

    def test_the_own_end_of_a_client_harms_nobody(self):
        for ending in (lambda client: client.close(), close_with_reset):
            client = self.player(self.server, "gone")
            client.send_bytes(encode(Chat(1, 0, "bye"))[:6])
            ending(client)


class LastWords(BadInputTest):
    """Whatever a client sends, as long as it reads it hears goodbye and an end, never a reset."""

    def hears(self, reasons, *pieces):
        stream = Stream(self.server.address)
        self.addCleanup(stream.close)
        for piece in pieces:
            stream.send(piece)
        pump([stream], lambda: stream.ended, timeout=10)
        self.assertFalse(stream.was_reset, f"reset after {stream.received} bytes")
        packets = [decode(*packet) for packet in Reassembler().feed(stream.incoming)]
        self.assertIsInstance(packets[-1], Goodbye)
        self.assertIn(packets[-1].reason, reasons)
        self.assertFalse([value for value in packets[:-1] if isinstance(value, Goodbye)])

    def test_after_a_malformed_packet_and_300_kilobytes(self):
        self.hears({MALFORMED}, HELLO, frame(4, size=0), EXTRA)

    def test_after_a_wrong_first_packet_and_300_kilobytes(self):
        self.hears({HELLO_EXPECTED}, encode(Ping(1)), EXTRA)

    def test_after_a_wrong_fingerprint_and_300_kilobytes(self):
        self.hears({UPDATE_NEEDED}, encode(Hello(PROTOCOL_VERSION, 1, 0, "py")), EXTRA)

    def test_after_violations_and_300_kilobytes(self):
        self.hears({VIOLATIONS}, HELLO, frame(999) * 9, EXTRA)

    def test_after_violations_of_300_kilobytes_themselves(self):
        self.hears({VIOLATIONS}, HELLO, frame(999) * 75_000)

    def test_after_logout_and_300_kilobytes(self):
        self.hears({LEAVING}, HELLO, encode(Logout(1)), EXTRA)

    def test_a_client_that_does_not_read_is_not_waited_for(self):
        client = self.greeted(self.server)
        client.send_bytes(frame(4, size=0))
        # The deadline of a close is 2 s; after it the server may do as it likes
        # with this client, and has to serve the others as before.
        time.sleep(2.5)
        self.greeted(self.server).ping()


class Leaving(ServerTest):
    def test_logout_in_the_world_ends_with_goodbye(self):
        player = self.player(self.serve())
        player.send(Logout(4))
        self.assert_ends(player, LEAVING)

    def test_logout_in_the_lobby_ends_with_goodbye(self):
        client = self.greeted(self.serve())
        client.send(Logout(4))
        self.assert_ends(client, LEAVING)


class Drain(ServerTest):
    CLIENTS = 20

    def drains(self, server, clients, with_signal=signal.SIGTERM):
        began = time.monotonic()
        server.terminate(with_signal)
        for client in clients:
            self.assert_ends(client, SHUTTING_DOWN, within=DRAIN_DEADLINE + MARGIN)
        server.wait()
        self.assertLess(time.monotonic() - began, DRAIN_DEADLINE + MARGIN)

    def test_sigterm_says_goodbye_to_everybody(self):
        for workers in (1, 2):
            with self.subTest(workers=workers):
                server = self.serve("--workers", workers)
                players = [self.player(server) for _ in range(self.CLIENTS // 2)]
                lobby = [self.greeted(server) for _ in range(self.CLIENTS // 2)]
                self.drains(server, players + lobby)

    def test_sigint_does_the_same(self):
        server = self.serve()
        self.drains(server, [self.player(server)], signal.SIGINT)

    def test_without_clients_the_server_ends_at_once(self):
        server = self.serve()
        began = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - began, 2.0)

    def test_a_client_that_does_not_read_delays_it_by_no_more_than_the_deadline(self):
        server = self.serve()
        deaf, player = self.player(server, "deaf"), self.player(server, "player")
        self.drains(server, [player])
        deaf.close()

    def test_players_who_act_up_to_the_end_hear_goodbye(self):
        server = self.serve()
        players = [self.player(server) for _ in range(5)]
        for player in players:
            x, y = player.position
            for step in range(20):
                player.send_move(x + (step + 1) % 2 if x + 1 < player.width else x - (step + 1) % 2, y)
        self.drains(server, players)
