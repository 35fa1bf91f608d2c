# SPDX-License-Identifier: Apache-2.0
"""Workers that stall or die: a debug build can be told to have such faults."""

import time

import clients  # noqa: F401
from gori_packets import *
from support import ServerTest

import server as servers

# Ten times what is promised: the machine may be busy.
DEADLINE = 10.0


class Workers(ServerTest):
    def start_with(self, fault, *arguments):
        path = servers.debug_program()
        if path is None:
            self.skipTest("no debug build: swift build makes it, GORI_DEBUG names it")
        server = servers.Server(*arguments, program=path, environment=fault)
        server.__enter__()
        self.addCleanup(lambda: None if server.stopped else server.stop())
        return server

    def assert_logs(self, server, *words):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            for line in server.errors:
                if all(word in line for word in words):
                    return line
            time.sleep(0.02)
        self.fail(f"nothing in the log has {words}: {server.log}")

    def open_on_both(self, connect):
        """Connections until each of two workers has several, whichever the kernel chose."""
        return [connect() for _ in range(40)]

    def test_a_worker_that_sleeps_in_its_turn_is_named_and_its_end_too(self):
        server = self.start_with({"GORI_STALL": "1:600:0.5:sleep"}, "serve", *self.LOCAL, "--workers", "2")
        line = self.assert_logs(server, "worker 1 stalls: in one turn for ")
        self.assertIn("it has a fault", line)
        self.assert_logs(server, "worker 1 goes on: its turn took about ")
        self.assertFalse([line for line in server.errors if "worker 0" in line], server.log)

    def test_a_worker_that_computes_in_its_turn_is_named(self):
        server = self.start_with({"GORI_STALL": "0:200:0.5"}, "serve", *self.LOCAL, "--workers", "2")
        self.assert_logs(server, "worker 0 stalls: in one turn for ", "processor time")

    def test_an_echo_server_goes_on_without_a_worker_that_died(self):
        server = self.start_with({"GORI_KILL_WORKER": "1:1.5"}, "echo", *self.LOCAL, "--workers", "2")
        opened = self.open_on_both(lambda: self.connect(server))
        for client in opened:
            client.send_bytes(b"echo")
            self.assertEqual(client.socket.recv(4), b"echo")
        line = self.assert_logs(server, "worker 1 has died: ", "1 of 2 workers go on")
        lost = 0
        for client in opened:
            client.socket.settimeout(DEADLINE)
            try:
                client.send_bytes(b"echo")
                lost += client.socket.recv(4) == b""
            except (ConnectionResetError, BrokenPipeError):
                lost += 1
        self.assertIn(f"its {lost} sessions have ended", line)
        for _ in range(20):
            newcomer = self.connect(server)
            newcomer.send_bytes(b"echo")
            self.assertEqual(newcomer.socket.recv(4), b"echo")

    def test_a_world_that_loses_a_worker_ends_in_order_and_with_status_1(self):
        server = self.start_with({"GORI_KILL_WORKER": "1:1.5"}, "serve", *self.LOCAL, "--workers", "2")
        players = self.open_on_both(lambda: self.greeted(server))
        began = time.monotonic()
        server.stopped = True
        self.assertEqual(server.process.wait(DEADLINE + 5), 1)
        self.assertLess(time.monotonic() - began, DEADLINE + 5)
        server._clean_up()
        self.assertIn("worker 1 has died: ", server.log)
        self.assertIn("the server stops, because its workers need each other", server.log)
        self.assertTrue(server.errors[-1].startswith("gori: wait: "), server.errors[-1])
        goodbyes = 0
        for player in players:
            try:
                goodbye = player.receive_end(DEADLINE)
            except (ConnectionResetError, BrokenPipeError):
                continue
            if goodbye is not None:
                self.assertEqual(goodbye.reason, SHUTTING_DOWN)
                goodbyes += 1
        self.assertGreater(goodbyes, 0)
