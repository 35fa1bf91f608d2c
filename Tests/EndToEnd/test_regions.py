# SPDX-License-Identifier: Apache-2.0
"""Regions: a world on two workers, whose border is in the middle of the map, at row 1000."""

import json
import time

import clients  # noqa: F401
import server as servers
from gori_packets import ChatMessage
from support import ServerTest

BORDER = 1000


def total(counters, name):
    return sum(worker[name] for worker in counters["world"])


class Regions(ServerTest):
    def test_a_world_has_as_many_regions_as_workers_and_says_so(self):
        for workers in (1, 2, 3):
            with self.subTest(workers=workers):
                server = self.serve("--workers", str(workers))
                server.wait_for_log(f"regions: {workers}")
                counters = server.counters()
                self.assertEqual(len(counters["world"]), workers)
                # The first tick comes soon after `ready`, not before it.
                deadline = time.monotonic() + 10
                while total(counters, "ticks") == 0 and time.monotonic() < deadline:
                    counters = server.counters()
                self.assertGreater(total(counters, "ticks"), 0)

    def test_who_walks_over_the_border_is_seen_at_every_step_and_heard(self):
        server = self.serve("--workers", "2", "--spawn-area", "5")
        witness, walker = self.player(server, "witness"), self.player(server, "walker")
        self.lead(witness, (1000, BORDER - 1))
        for y in (*range(BORDER - 4, BORDER + 5), *range(BORDER + 3, BORDER - 5, -1)):
            self.lead(walker, (1001, y), [witness])
            self.assert_sees(witness, walker)
            self.assert_sees(walker, witness)
            self.assertEqual(walker.chat(f"at {y}").code, 0)
            self.assertEqual(witness.expect(ChatMessage), ChatMessage(walker.object, 0, f"at {y}"))
        self.assertGreaterEqual(total(server.counters(), "crossings"), 2)

    def test_who_hangs_up_beyond_the_border_is_removed(self):
        server = self.serve("--workers", "2", "--spawn-area", "5")
        witness, leaver = self.player(server, "witness"), self.player(server, "leaver")
        self.lead(witness, (1000, BORDER - 1))
        self.lead(leaver, (1000, BORDER + 1), [witness])
        self.assert_sees(witness, leaver)
        leaver.close()
        self.assert_does_not_see(witness, leaver)

    def test_bots_walk_over_the_border_and_all_checks_hold(self):
        server = self.start("serve", *self.LOCAL, "--workers", "2", "--spawn-area", "24")
        host, port = server.address
        done = servers.run(
            "bots", "--connect", f"{host}:{port}", "--count", 200, "--duration", 6, "--ramp", 200, "--json", "-",
            timeout=60)
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{server.log[-2_000:]}")
        report = json.loads(done.stdout)
        self.assertEqual((report["lost"], report["disconnected"]), (0, 0))
        for check in report["checks"]:
            self.assertTrue(check["ok"], check)
        counters = server.counters()
        self.assertGreater(total(counters, "crossings"), 10)
        for worker in counters["world"]:
            self.assertGreater(worker["encodes"], 0, "a region in which nothing happened")
        # Everybody reads: what goes out is named where it lies, once for each session and tick.
        outputs = total(counters, "outputs")
        self.assertGreater(outputs, 1_000)
        self.assertGreaterEqual(total(counters, "outputBytes"), 8 * outputs)
        self.assertGreaterEqual(counters["workers"]["sends"], outputs)
        self.assertEqual((counters["workers"]["bytesBacklogged"], total(counters, "copiedBytes")), (0, 0))

    def test_monsters_sleep_until_somebody_comes_and_then_are_seen_to_move(self):
        server = self.start("serve", *self.LOCAL, "--workers", "2", "--monsters", "200000", "--spawn-area", "24")
        self.assertEqual(total(server.counters(), "monsterSteps"), 0)
        host, port = server.address
        done = servers.run(
            "bots", "--connect", f"{host}:{port}", "--count", 50, "--duration", 4, "--ramp", 200, "--json", "-",
            timeout=60)
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{server.log[-2_000:]}")
        for check in json.loads(done.stdout)["checks"]:
            self.assertTrue(check["ok"], check)
        self.assertGreater(total(server.counters(), "monsterSteps"), 100)
