# SPDX-License-Identifier: Apache-2.0
"""`gori bots`: players of another process, and the report they write."""

import json
import pathlib
import tempfile

import server as servers
from support import Bystander, ServerTest

PERCENTILES = ("p50", "p90", "p99", "p999", "max")


class Bots(ServerTest):
    # The bots keep the pace of real players; so does the server.
    FAST = ("--monsters", "0")

    def run_bots(self, server, *arguments):
        host, port = server.address
        done = servers.run("bots", "--connect", f"{host}:{port}", *arguments, timeout=60)
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{server.log[-2_000:]}")
        return done

    def assert_report(self, report, count):
        self.assertEqual(report["count"], count)
        self.assertIsInstance(report["scenario"], str)
        self.assertGreater(report["seconds"], 0)
        for key in PERCENTILES:
            self.assertGreaterEqual(report["delay"][key], 0, key)
        delays = [report["delay"][key] for key in PERCENTILES]
        self.assertEqual(delays, sorted(delays))
        self.assertIn("course_delay", report)
        self.assertGreater(report["sent"], 0)
        self.assertGreater(report["received"], 0)
        self.assertEqual((report["lost"], report["disconnected"]), (0, 0))
        self.assertTrue(report["checks"])
        for check in report["checks"]:
            self.assertEqual(set(check), {"name", "ok", "detail"})
            self.assertIs(check["ok"], True, check)

    def test_fifty_bots_play_and_report(self):
        server = self.serve()
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "report.json"
            self.run_bots(
                server, "--count", 50, "--duration", 5, "--ramp", 100, "--json", path)
            self.assert_report(json.loads(path.read_text()), count=50)

    def test_the_report_may_go_to_standard_output(self):
        server = self.serve()
        done = self.run_bots(server, "--count", 5, "--duration", 2, "--json", "-")
        self.assert_report(json.loads(done.stdout), count=5)

    def test_a_player_among_bots_is_served_as_before(self):
        server = self.start("serve", *self.LOCAL, "--move-interval", "0", "--monsters", "0")
        with Bystander(server):
            self.run_bots(server, "--count", 50, "--duration", 3, "--ramp", 100)

    def test_bots_on_two_workers_play_and_report(self):
        server = self.serve("--workers", "2")
        done = self.run_bots(server, "--count", 50, "--duration", 3, "--ramp", 100, "--json", "-")
        self.assert_report(json.loads(done.stdout), count=50)

    def test_every_scenario_that_needs_no_monsters_passes(self):
        server = self.serve()
        for scenario in ("course", "mmo"):
            with self.subTest(scenario):
                self.run_bots(server, "--count", 20, "--duration", 2, "--scenario", scenario)
