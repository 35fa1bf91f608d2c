# SPDX-License-Identifier: Apache-2.0
"""More sessions than open files: what direct descriptors are for."""

import os
import pathlib
import resource
import selectors
import signal
import socket
import time

import clients  # noqa: F401
from gori_packets import *

import server as servers
from support import ServerTest

COUNT = 2_000
# Of the server's open files; each of its three workers has a table of as many sockets.
LIMIT = 1_000
BEATS = 3
BURSTS = 3
HELLO = encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "held"))
DEADLINE = 60


def limited(*arguments):
    """The server in a shell that lowers its limit for good."""
    return servers.Server(
        "-c", f'ulimit -n {LIMIT} && exec "$@"', "sh", servers.program(), *arguments, program="/bin/sh")


class Held(ServerTest):
    def setUp(self):
        if not self.has_direct_descriptors():
            self.skipTest("this machine has no direct descriptors")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < COUNT + 100:
            self.skipTest(f"this process may open {hard} files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def has_direct_descriptors(self):
        with servers.Server("echo", *self.LOCAL, "--direct-descriptors") as server:
            pass
        return "tables of direct descriptors" in server.log

    def start_limited(self, *arguments):
        server = limited(*arguments)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def connect_all(self, server, count):
        sockets = []
        for _ in range(count):
            one = socket.create_connection(server.address, timeout=10)
            self.addCleanup(one.close)
            sockets.append(one)
        return sockets

    def exchange(self, sockets, message, size):
        """Sends to all at once, and gives what came back of each, `size` bytes."""
        selector = selectors.DefaultSelector()
        self.addCleanup(selector.close)
        got = {one: b"" for one in sockets}
        for one in sockets:
            one.setblocking(False)
            selector.register(one, selectors.EVENT_READ)
            one.sendall(message)
        rest = len(sockets)
        end = time.monotonic() + DEADLINE
        while rest:
            self.assertLess(time.monotonic(), end, f"{rest} connections heard nothing")
            for key, _ in selector.select(1):
                piece = key.fileobj.recv(size - len(got[key.fileobj]))
                self.assertTrue(piece, "the server ended a connection")
                got[key.fileobj] += piece
                if len(got[key.fileobj]) == size:
                    selector.unregister(key.fileobj)
                    rest -= 1
        return got

    def leave(self, sockets):
        """Ends all streams, and waits until the server has, too."""
        for one in sockets:
            one.shutdown(socket.SHUT_WR)
        for one in sockets:
            one.settimeout(10)
            while one.recv(4_096):
                pass
            one.close()

    def descriptors(self, server):
        return len(os.listdir(pathlib.Path("/proc", str(server.process.pid), "fd")))

    def test_twice_as_many_sessions_as_open_files_are_held(self):
        server = self.start_limited(
            "serve", *self.LOCAL, "--workers", "3", "--io", "uring", "--direct-descriptors", "--maximum-sessions",
            COUNT)
        before = self.descriptors(server)
        sockets = self.connect_all(server, COUNT)
        sessions = {bytes(piece[4:12]) for piece in self.exchange(sockets, HELLO, 24).values()}
        self.assertEqual(len(sessions), COUNT, "every session has a number of its own")
        self.assertLess(self.descriptors(server), before + 20)
        for beat in range(BEATS):
            token = beat.to_bytes(8, "little")
            pongs = self.exchange(sockets, encode(Ping(beat)), 20)
            self.assertTrue(all(pong[4:12] == token for pong in pongs.values()))
        # They leave, and their places are given to others.
        self.leave(sockets)
        again = self.connect_all(server, LIMIT)
        self.assertEqual(len(self.exchange(again, HELLO, 24)), LIMIT)
        self.assertLess(self.descriptors(server), before + 20)

    def test_a_server_that_was_held_up_turns_nobody_away(self):
        """More wait than there are open files, and a socket needs one until it lies in its worker's table."""
        server = self.start_limited(
            "serve", *self.LOCAL, "--workers", "3", "--io", "uring", "--direct-descriptors", "--maximum-sessions",
            COUNT)
        for _ in range(BURSTS):
            server.process.send_signal(signal.SIGSTOP)
            sockets = self.connect_all(server, COUNT)
            server.process.send_signal(signal.SIGCONT)
            sessions = {bytes(piece[4:12]) for piece in self.exchange(sockets, HELLO, 24).values()}
            self.assertEqual(len(sessions), COUNT, "every session has a number of its own")
            self.leave(sockets)
        self.assertEqual(server.counters()["workers"]["refusedWaiting"], 0)

    def test_players_are_told_goodbye_and_reach_the_end_of_the_stream(self):
        server = self.start("serve", *self.LOCAL, "--direct-descriptors", "--hello-timeout", "300")
        for _ in range(20):
            client = self.connect(server)
            client.send_bytes(b"\xff\xff\xff\xff" * 64)
            self.assert_ends(client, HELLO_EXPECTED, MALFORMED)
        silent = [self.connect(server) for _ in range(20)]
        for client in silent:
            self.assert_ends(client, HELLO_TIMEOUT)
        players = [self.greeted(server) for _ in range(50)]
        server.terminate()
        for player in players:
            self.assert_ends(player, SHUTTING_DOWN)
        server.wait()
