# SPDX-License-Identifier: Apache-2.0
"""Invalid packets: each alone is dropped and counted, nothing answers it, the ninth is too many."""

import clients  # noqa: F401
from gori_packets import *
from support import BadInputTest

BUDGET = 8


def login_body(name, request=1):
    """A login with any bytes for a name."""
    return request.to_bytes(4, "little") + bytes([len(name)]) + name


class Violations(BadInputTest):
    def tolerates_eight_of(self, client, packet):
        for _ in range(BUDGET):
            client.send_bytes(packet)
        self.assert_unanswered_and_open(client)
        client.send_bytes(packet)
        self.assert_ends(client, VIOLATIONS)

    def in_lobby(self, packet):
        self.tolerates_eight_of(self.greeted(self.server), packet)

    def in_world(self, packet):
        self.tolerates_eight_of(self.player(self.server, "rude"), packet)

    def test_an_unknown_type(self):
        self.in_lobby(frame(999))

    def test_an_unknown_type_in_the_world(self):
        self.in_world(frame(999, b"something"))

    def test_a_type_of_the_server(self):
        self.in_lobby(encode(Welcome(1, 1, 1, 1)))

    def test_a_type_of_the_servers_game(self):
        self.in_lobby(encode(RemoveObject(1)))

    def test_a_second_hello(self):
        self.in_lobby(encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "again")))

    def test_a_move_in_the_lobby(self):
        self.in_lobby(encode(Move(1, 1, 1, 1)))

    def test_a_chat_in_the_lobby(self):
        self.in_lobby(encode(Chat(1, 0, "hello")))

    def test_a_login_in_the_world(self):
        self.in_world(encode(Login(1, "again")))

    def test_a_selection_in_the_world(self):
        self.in_world(encode(SelectCharacter(1, 1)))

    def test_a_body_cut_off(self):
        self.in_lobby(frame(Ping.type_number, bytes(7)))

    def test_a_body_cut_off_in_a_string(self):
        self.in_lobby(frame(Login.type_number, login_body(b"somebody")[:-1]))

    def test_no_body_at_all(self):
        self.in_lobby(frame(Login.type_number))

    def test_bytes_left_over(self):
        self.in_lobby(frame(Login.type_number, login_body(b"somebody") + b"\0"))

    def test_bytes_left_over_in_the_world(self):
        self.in_world(frame(Move.type_number, bytes(17)))

    def test_the_largest_packet_allowed_is_no_framing_error(self):
        self.in_lobby(frame(999, bytes(16_384 - 4)))

    def test_invalid_utf8(self):
        self.in_lobby(frame(Login.type_number, login_body(b"some\xffbody")))

    def test_utf8_of_surrogates_and_overlong_forms(self):
        for name in (b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"):
            with self.subTest(name=name):
                self.in_lobby(frame(Login.type_number, login_body(name)))

    def test_an_embedded_nul(self):
        self.in_lobby(frame(Login.type_number, login_body(b"some\0body")))

    def test_a_name_above_twenty_bytes(self):
        self.in_lobby(frame(Login.type_number, login_body(b"a" * 21)))

    def test_a_chat_above_three_hundred_bytes(self):
        text = b"a" * 301
        self.in_world(frame(Chat.type_number, bytes(5) + len(text).to_bytes(2, "little") + text))

    def test_a_mixture_of_faults_is_counted_together(self):
        client = self.greeted(self.server)
        mixture = [
            frame(999), encode(Move(1, 1, 1, 1)), frame(Ping.type_number, bytes(7)),
            frame(Login.type_number, login_body(b"\xff"))]
        client.send_bytes(b"".join(mixture * 2))
        self.assert_unanswered_and_open(client)
        client.send_bytes(mixture[0])
        self.assert_ends(client, VIOLATIONS)

    def test_nine_in_one_write_end_the_session(self):
        client = self.greeted(self.server)
        client.send_bytes(frame(999) * (BUDGET + 1))
        self.assert_ends(client, VIOLATIONS)

    def test_the_good_packets_between_are_done(self):
        player = self.player(self.server, "mixed")
        for _ in range(BUDGET):
            player.send_bytes(frame(999))
            player.walk(1)
        self.assertEqual(player.moves_done, BUDGET)

    def test_a_refused_request_is_no_violation(self):
        player = self.player(self.server, "eager")
        x, y = player.position
        for _ in range(3 * BUDGET):
            self.assertNotEqual(player.move(x + 5 if x < 1000 else x - 5, y).code, 0)
        player.walk(1)

    def test_a_fifth_ping_in_a_heartbeat(self):
        player = self.player(self.server, "pinger")
        for _ in range(4):
            player.ping()
        x, y = player.position
        there, back = (x + 1 if x < 1000 else x - 1, y), (x, y)
        for _ in range(BUDGET):
            player.send(Ping(1))
        player.send_move(*there)
        while (value := player.receive()) is not None and not isinstance(value, MoveResult):
            self.assertNotIsInstance(value, Pong, "a ping too many was answered")
        self.assertIsNotNone(value, f"the stream ended: {player.goodbye}")
        player.move(*back)
        player.send(Ping(1))
        self.assert_ends(player, VIOLATIONS)
