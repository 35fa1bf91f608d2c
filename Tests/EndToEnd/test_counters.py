# SPDX-License-Identifier: Apache-2.0
"""Counters: what a server has done, asked for with SIGUSR1 and written at its end."""

import json
import pathlib
import tempfile

import clients  # noqa: F401
from streams import Stream, pump
from support import ServerTest, unique_name


class Counters(ServerTest):
    def test_a_server_tells_them_while_it_serves(self):
        server = self.serve()
        before = server.counters()
        self.assertEqual(before["workers"]["accepted"], 0)
        player = self.connect(server)
        player.enter(unique_name())
        player.walk(3)
        after = server.counters()
        self.assertEqual(after["workers"]["accepted"], 1)
        self.assertEqual(after["workers"]["sessions"], 1)
        # hello, login, select, enter and three moves.
        self.assertGreaterEqual(after["workers"]["packets"], 6)
        self.assertGreater(after["port"]["completions"], before["port"]["completions"])

    def test_a_file_has_them_at_the_end(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "counters.json"
            server = self.echo("--counters", str(path))
            stream = Stream(server.address)
            self.addCleanup(stream.close)
            stream.send(b"x" * 100_000)
            pump([stream], lambda: stream.received == 100_000)
            server.stop()
            counted = json.loads(path.read_text())
        self.assertEqual(counted["workers"]["accepted"], 1)
        self.assertEqual(counted["workers"]["bytesReceived"], 100_000)
        self.assertEqual(counted["workers"]["sessions"], 0)

    def test_a_file_that_cannot_be_written_is_named(self):
        server = self.echo("--counters", "/nowhere/counters.json")
        server.stop()
        self.assertIn("gori: cannot write /nowhere/counters.json", server.log)
