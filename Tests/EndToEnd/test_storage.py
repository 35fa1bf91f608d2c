# SPDX-License-Identifier: Apache-2.0
"""What outlives a session and a server: accounts and positions in a database."""

import contextlib
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import threading
import time

import clients  # noqa: F401
import kills
import server as servers
from gori_client import Client
from gori_packets import *
from support import Bystander, ServerTest, close_with_reset, unique_name

FAILURE, USAGE = 1, 64


class StorageTest(ServerTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.database = self.folder / "gori.sqlite"

    def serve_stored(self, *arguments, **options):
        return self.serve("--database", self.database, "--tick", 20, *arguments, **options)

    def enter(self, server, name):
        client = self.connect(server)
        client.enter(name)
        return client

    def log_out(self, client):
        self.assertEqual(client.logout().reason, LEAVING)


class Positions(StorageTest):
    def test_who_logs_in_again_stands_where_he_logged_out(self):
        server = self.serve_stored()
        name = unique_name()
        position = None
        for _ in range(3):
            player = self.enter(server, name)
            if position is not None:
                self.assertEqual(player.position, position)
            player.walk(7)
            position = player.position
            self.log_out(player)

    def test_who_hung_up_or_was_cut_off_stands_where_he_was_told_last(self):
        server = self.serve_stored()
        for leave in (Client.close, close_with_reset):
            name = unique_name()
            player = self.enter(server, name)
            player.walk(5)
            leave(player)
            self.assertEqual(self.enter(server, name).position, player.position)

    def test_positions_outlive_an_orderly_end_to_the_last_answered_step(self):
        server = self.serve_stored()
        players = [self.enter(server, unique_name()) for _ in range(20)]
        for player in players:
            player.walk(6)
        server.terminate()
        for player in players:
            self.assert_ends(player, SHUTTING_DOWN)
        server.wait()
        again = self.serve_stored()
        for player in players:
            self.assertEqual(self.enter(again, player.name).position, player.position)

    def test_characters_keep_their_numbers_and_names_over_restarts(self):
        names = ["ann", "ANN", "가나다", "e\u0301", "\u00e9", "a'; --", " "]
        numbers = []
        for _ in range(2):
            server = self.serve_stored()
            characters = [self.greeted(server).login(name).characters[0] for name in names]
            self.assertEqual([character.name for character in characters], names)
            numbers.append([character.id for character in characters])
            server.stop()
        self.assertEqual(numbers[0], numbers[1])
        self.assertEqual(len(set(numbers[0])), len(names))

    def test_without_a_database_positions_last_until_the_server_ends(self):
        server = self.serve("--database", "off")
        player = self.enter(server, "ann")
        player.walk(5)
        self.log_out(player)
        self.assertEqual(self.enter(server, "ann").position, player.position)
        server.wait_for_log("accounts: in memory")

    def test_the_default_is_a_file_in_a_folder_of_its_own(self):
        server = self.serve()
        self.greeted(server).login("ann")
        self.assertTrue((pathlib.Path(server.directory.name) / "data" / "gori.sqlite").exists())
        server.wait_for_log("accounts: data/gori.sqlite")

    def test_a_position_that_is_not_on_the_map_is_as_good_as_none(self):
        server = self.serve_stored()
        self.enter(server, "ann").walk(3)
        server.stop()
        with sqlite3.connect(self.database) as connection:
            connection.execute("UPDATE character SET x = 60000, y = 5")
        connection.close()
        player = self.enter(self.serve_stored(), "ann")
        self.assertTrue(player.is_inside(*player.position))
        player.walk(3)


class Refusals(StorageTest):
    def says_one_line(self, *words, status=FAILURE, database=None):
        done = servers.run("serve", *self.LOCAL, "--database", database or self.database)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("ready", done.stdout.splitlines())
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in (*words, str(database or self.database)):
            self.assertIn(word, done.stderr)

    def make(self):
        server = self.serve_stored()
        for number in range(50):
            self.greeted(server).login(f"account-{number}")
        server.stop()

    def test_a_database_of_another_running_server_is_refused_and_stays_in_use(self):
        first = self.serve_stored()
        player = self.enter(first, "ann")
        self.says_one_line("another process uses it", "stop that one")
        player.walk(5)
        self.log_out(player)
        first.stop()
        self.assertEqual(self.enter(self.serve_stored(), "ann").position, player.position)

    def test_a_later_version_s_database_is_refused_and_not_touched(self):
        self.make()
        with sqlite3.connect(self.database) as connection:
            connection.execute("INSERT INTO grdb_migrations VALUES ('9999 everything is different')")
        connection.close()
        before = self.database.read_bytes()
        self.says_one_line("a later version", "9999 everything is different", "run that version")
        self.assertEqual(self.database.read_bytes(), before)
        self.assertEqual(os.listdir(self.folder), [self.database.name])

    def test_a_damaged_database_is_refused(self):
        self.make()
        data = bytearray(self.database.read_bytes())
        data[4096:12288] = os.urandom(8192)
        self.database.write_bytes(data)
        self.says_one_line("damaged", "backup")
        self.assertEqual(self.database.read_bytes(), bytes(data))

    def test_what_is_no_database_of_ours_is_refused(self):
        self.database.write_text("just a text, and longer than a header of SQLite, which has one hundred bytes. " * 9)
        self.says_one_line("no SQLite database")
        self.database.unlink()
        with sqlite3.connect(self.database) as connection:
            connection.execute("CREATE TABLE bookmark (url TEXT)")
        connection.close()
        self.says_one_line("another program")

    def test_a_path_that_cannot_be_used_is_refused(self):
        self.says_one_line("cannot be made", database=self.folder / "none" / "none" / "a.sqlite")
        self.says_one_line("no file", database=self.folder)

    def test_a_server_elsewhere_is_not_there_yet(self):
        self.says_one_line("not there yet", status=USAGE, database="postgres://localhost/gori")


class Trouble(StorageTest):
    """A debug build can be told to have slow queries."""

    SLOWNESS = 0.5
    TICK = 0.02

    def test_slow_queries_hold_up_nobody_else(self):
        path = servers.debug_program()
        if path is None:
            self.skipTest("no debug build: swift build makes it, GORI_DEBUG names it")
        server = self.serve_stored(
            program=path, environment={"GORI_SLOW_QUERIES": str(int(self.SLOWNESS * 1000))})
        walkers = [self.enter(server, unique_name()) for _ in range(4)]
        delays, failures = [], []
        finished = threading.Event()

        def walk(player):
            try:
                while not finished.is_set():
                    began = time.monotonic()
                    player.walk(1)
                    delays.append(time.monotonic() - began)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=walk, args=(player,)) for player in walkers]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        newcomers = [self.enter(server, unique_name()) for _ in range(4)]
        took = time.monotonic() - began
        # Long enough for positions to be saved, slowly, while they walk.
        time.sleep(max(0, 5 - took))
        finished.set()
        for thread in threads:
            thread.join(10)
        self.assertEqual(failures, [])
        # Login and position are a query each: the fault was there.
        self.assertGreater(took, len(newcomers) * 2 * self.SLOWNESS)
        self.assertGreater(len(delays), 100)
        # A move waits for one tick and may be one late; ten times that, on a busy machine, is still less than a query.
        bound = 10 * 2 * self.TICK
        self.assertLess(bound, self.SLOWNESS)
        self.assertLess(max(delays), bound, f"of {len(delays)} moves")

    def test_a_full_disk_keeps_positions_until_there_is_room(self):
        if os.geteuid() != 0:
            self.skipTest("mounts a file system, which needs root")
        small = self.folder / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small])
        self.database = small / "gori.sqlite"
        server = self.serve_stored()
        with Bystander(server):
            player = self.enter(server, "ann")
            player.walk(3)
            ballast = small / "ballast"
            with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            for number in range(200):
                if self.greeted(server).login(f"account-{number}").code == 3:
                    break
            else:
                self.fail("the disk never was full")
            server.wait_for_log("the disk is full; make room; positions are kept until it works")
            player.walk(7)
            ballast.unlink()
            server.wait_for_log("works again: [0-9]+ positions saved", within=10)
            self.log_out(player)
        server.stop()
        self.assertEqual(self.enter(self.serve_stored(), "ann").position, player.position)


class Kills(StorageTest):
    def test_a_server_that_is_killed_comes_back_with_everybody_where_he_was_at_most_ten_seconds_before(self):
        kills.run(kills=3, players=8, seconds=(1.0, 7.0), database=self.database)
