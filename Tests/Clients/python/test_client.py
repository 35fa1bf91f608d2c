# SPDX-License-Identifier: Apache-2.0
"""The client against a server that plays a script: does it notice what is wrong?"""

import contextlib
import io
import socket
import threading
import unittest

import gori_client
from gori_client import Client, ProtocolError
from gori_packets import *
from gori_senders import BatchSender, ByteSender, ChunkSender


class ScriptedServer(threading.Thread):
    """Answers one client; `on_enter` is sent after enterWorld, `spoil` may change any answer."""

    def __init__(self, on_enter=(), spoil=lambda answer: answer):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(10)
        self.address = self.listener.getsockname()
        self.on_enter = on_enter
        self.spoil = spoil
        self.x = self.y = 5
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        with connection, self.listener:
            connection.settimeout(10)
            reassembler = Reassembler()
            with contextlib.suppress(OSError):
                while data := connection.recv(65_536):
                    for packet in reassembler.feed(data):
                        answers = [self.spoil(answer) for answer in self.answers(decode(*packet))]
                        connection.sendall(b"".join(map(encode, answers)))
                        if any(isinstance(answer, Goodbye) for answer in answers):
                            return

    def answers(self, value):
        match value:
            case Hello():
                return [Welcome(1, 2, 10_000, 16_384)]
            case Ping():
                return [Pong(value.token, 1)]
            case Login():
                return [LoginResult(value.request, 0, "", (Character(3, value.name),))]
            case SelectCharacter():
                return [EnterWorld(value.request, 0, 42, self.x, self.y, 9, 9, 15, 50), *self.on_enter]
            case Move():
                self.x, self.y = value.x, value.y
                return [MoveResult(value.sequence, value.client_time, 0, value.x, value.y)]
            case Chat():
                return [ChatMessage(42, value.scope, value.text), Result(value.request, 0, "")]
            case Logout():
                return [Result(value.request, 0, ""), Goodbye(LEAVING, "")]
            case _:
                return []


class ClientAgainstScript(unittest.TestCase):
    def client(self, server, sender=None):
        client = Client(sender, timeout=5).connect(*server.address)
        self.addCleanup(client.close)
        return client

    def enter(self, *on_enter, spoil=lambda answer: answer):
        client = self.client(ScriptedServer(on_enter, spoil))
        client.enter("ann")
        return client

    def refuses(self, *on_enter):
        client = self.enter(*on_enter)
        with self.assertRaises(ProtocolError):
            client.ping()

    def test_every_sender_walks_a_hundred_tiles(self):
        for sender in (None, ByteSender(), ChunkSender(seed=7), BatchSender(10)):
            with self.subTest(sender=type(sender).__name__):
                client = self.client(ScriptedServer(), sender)
                client.enter("ann")
                client.walk(100, window=10)
                self.assertEqual(client.moves_done, 100)
                self.assertEqual(client.chat("done").code, 0)
                self.assertEqual(client.logout(), Goodbye(LEAVING, ""))

    def test_walking_to_a_tile_ends_there(self):
        client = self.enter()
        client.walk_to(0, 8)
        self.assertEqual(client.position, (0, 8))

    def test_objects_are_added_moved_and_removed(self):
        client = self.enter(
            AddObject(1, PLAYER, 3, 4, "bob"), AddObject(2, MONSTER, 3, 4, "rat"),
            MoveObject(1, 4, 4), RemoveObject(2))
        client.ping()
        self.assertEqual({key: seen.position for key, seen in client.objects.items()}, {1: (4, 4)})

    def test_an_object_added_twice_is_noticed(self):
        self.refuses(AddObject(1, PLAYER, 3, 4, "bob"), AddObject(1, PLAYER, 3, 4, "bob"))

    def test_an_unknown_object_moved_is_noticed(self):
        self.refuses(MoveObject(1, 3, 4))

    def test_an_unknown_object_removed_is_noticed(self):
        self.refuses(RemoveObject(1))

    def test_the_own_object_is_ignored(self):
        client = self.enter(
            AddObject(42, PLAYER, 1, 1, "ann"), MoveObject(42, 1, 1), RemoveObject(42))
        client.ping()
        self.assertEqual((client.objects, client.position), ({}, (5, 5)))

    def test_a_packet_after_goodbye_is_noticed(self):
        client = self.enter(Goodbye(KICKED, ""), Pong(1, 1))
        with self.assertRaises(ProtocolError):
            client.receive_end()

    def test_a_wrong_move_result_is_noticed(self):
        for field, wrong in (("sequence", 0), ("client_time", 0), ("x", 0), ("code", 1)):
            def spoil(answer):
                if not isinstance(answer, MoveResult):
                    return answer
                return MoveResult(**{**vars(answer), field: wrong})
            with self.subTest(field=field):
                client = self.enter(spoil=spoil)
                with self.assertRaises(ProtocolError):
                    client.walk(1)

    def test_a_ping_of_the_server_is_answered(self):
        class Asking(ScriptedServer):
            def answers(self, value):
                match value:
                    case Logout():
                        return [Ping(77)]
                    case Pong(token=77):
                        return [MoveObject(42, 1, 1)]
                    case _:
                        return super().answers(value)

        client = self.client(Asking())
        client.enter("ann")
        client.send(Logout(1))
        client.expect(MoveObject)
        self.assertEqual(client.pings_seen, 1)

    def test_silence_ends_in_a_timeout(self):
        client = self.enter()
        with self.assertRaises(TimeoutError):
            client.expect(Pong, timeout=0.05)


class Program(unittest.TestCase):
    def run_program(self, server, *more):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = gori_client.main(
                ["--connect", "%s:%d" % server.address, "--name", "ann", "--pace", "0", *more])
        return code, out.getvalue(), err.getvalue()

    def test_a_walk_without_fault_exits_0_with_a_summary(self):
        code, out, err = self.run_program(ScriptedServer(), "--walk", "30", "--send", "chunks")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("30 of 30 tiles", out)

    def test_a_mismatch_exits_1_with_one_line(self):
        def spoil(answer):
            if isinstance(answer, MoveResult):
                return MoveResult(answer.sequence, answer.client_time, 0, 8, 8)
            return answer

        code, out, err = self.run_program(ScriptedServer(spoil=spoil))
        self.assertEqual((code, out, err.count("\n")), (1, "", 1))

    def test_addresses_are_parsed(self):
        parse = gori_client.parse_address
        self.assertEqual(parse("127.0.0.1:7777"), ("127.0.0.1", 7777))
        self.assertEqual(parse("[::1]:7777"), ("::1", 7777))
        self.assertEqual(parse(":7777"), ("localhost", 7777))
        for wrong in ("localhost", "a:b", "a:65536"):
            with self.assertRaises(ValueError):
                parse(wrong)


if __name__ == "__main__":
    unittest.main()
