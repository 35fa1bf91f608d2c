# SPDX-License-Identifier: Apache-2.0
"""Clients of the world that do not read as fast as it goes on."""

import pathlib
import tempfile
import time
import unittest

import clients  # noqa: F401
import server as servers
from gori_packets import Chat, Pong, Result, encode
from support import ServerTest

TEXT = "x" * 200


def total(counters, name):
    return sum(worker[name] for worker in counters["world"])


class SlowReaders(ServerTest):
    def crowd(self, server, count=4):
        """Somebody who will not read, and others around."""
        slow, *talkers = (self.player(server, prefix) for prefix in ["slow", *["talker"] * (count - 1)])
        self.see_each_other(slow, *talkers)
        return slow, talkers

    def talk(self, talker, others=(), count=180):
        """Somebody says much, which others hear: 38 KiB in a tick."""
        talker.send_bytes(b"".join(encode(Chat(request, 0, TEXT)) for request in range(count)))
        for _ in range(count):
            self.assertEqual(talker.expect(Result).code, 0)
        for other in others:
            other.catch_up()

    def talk_until(self, server, slow, talkers, is_enough, within=25.0):
        """Fills the buffers of the kernel. A peer that has acknowledged nothing for 30 s counts as gone."""
        deadline = time.monotonic() + within
        while not is_enough(counters := server.counters()):
            self.assertLess(time.monotonic(), deadline, counters)
            # It is there, it only does not read.
            slow.send(Pong(0, 0))
            self.talk(talkers[0], talkers[1:])

    def test_who_reads_on_is_told_what_there_is_and_nobody_else_notices(self):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "run.log"
            server = self.serve("--workers", "2", "--spawn-area", "5", "--record", str(log))
            slow, talkers = self.crowd(server)
            self.talk_until(server, slow, talkers, lambda counters: total(counters, "hushes") > 0)
            # What it knows is less and less true.
            leaver, *stayers = talkers
            x, y = slow.position
            self.lead(leaver, (x + 60, y), stayers)
            self.talk(stayers[0], count=10)
            observer = self.player(server, "observer")
            self.lead(observer, slow.position, stayers)
            stayers[0].walk_to(x + 2, y + 2)
            counters = server.counters()
            self.assertGreater(total(counters, "untold"), 0)
            self.assertGreater(total(counters, "copiedBytes"), 0)
            self.assertEqual((total(counters, "refreshes"), counters["workers"]["slowReaders"]), (0, 0))

            def places(player, other):
                return {object: seen.position for object, seen in player.objects.items() if object != other.object}

            # Nobody moves while it reads.
            self.assert_sees(observer, stayers[0])
            observer.catch_up()
            self.assertIn(leaver.object, slow.objects)
            self.assertNotIn(observer.object, slow.objects)
            slow.wait_until(lambda: places(slow, observer) == places(observer, slow), 30.0)
            self.assert_sees(slow, observer)
            self.assertNotIn(leaver.object, slow.objects)
            # It is a player as any other again.
            self.assertEqual(slow.chat("here again").code, 0)
            slow.walk_to(x + 1, y)
            stayers[1].walk_to(x + 3, y + 1)
            for player in (slow, *stayers):
                for other in (slow, *stayers):
                    if player is not other:
                        self.assert_sees(player, other)
            counters = server.counters()
            self.assertGreater(total(counters, "refreshes"), 0)
            self.assertEqual((counters["workers"]["slowReaders"], counters["workers"]["sessions"]), (0, 5))
            server.stop()
            for regions in (1, 2, 8):
                done = servers.run("replay", str(log), "--regions", regions, timeout=60)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_who_never_reads_on_is_ended(self):
        server = self.serve("--workers", "2", "--spawn-area", "5")
        slow, talkers = self.crowd(server)
        self.talk_until(server, slow, talkers, lambda counters: total(counters, "hushes") > 0)
        self.talk_until(server, slow, talkers, lambda counters: counters["workers"]["slowReaders"] > 0)
        for talker in talkers:
            self.assert_does_not_see(talker, slow)
        self.assertEqual(total(server.counters(), "refreshes"), 0)


if __name__ == "__main__":
    unittest.main()
