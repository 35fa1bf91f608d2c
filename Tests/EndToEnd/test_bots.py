# SPDX-License-Identifier: Apache-2.0
"""`gori bots`: players of another process, the report they write, and that they notice faults."""

import json
import pathlib
import subprocess
import tempfile
import time

import server as servers
from support import Bystander, ServerTest

PERCENTILES = ("p50", "p90", "p99", "p999", "max")


class Bots(ServerTest):
    # The bots keep the pace of real players; so does the server.
    FAST = ("--monsters", "0")

    def run_bots(self, server, *arguments, statuses=(0,)):
        host, port = server.address
        done = servers.run("bots", "--connect", f"{host}:{port}", *arguments, timeout=60)
        self.assertIn(done.returncode, statuses, f"{done.stderr}\n{server.log[-2_000:]}")
        return done

    def assert_report(self, report, count, excused=()):
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
            if check["name"] not in excused:
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

    def test_sixty_bots_gather_and_know_each_other(self):
        # Most appear outside of the square of 8 × 8 tiles and walk up to eight steps.
        server = self.serve("--spawn-area", "24", "--move-interval", "100")
        done = self.run_bots(
            server, "--scenario", "hotspot", "--count", 60, "--duration", 3, "--ramp", 200, "--json", "-")
        report = json.loads(done.stdout)
        self.assert_report(report, count=60)
        self.assertEqual(report["scenario"], "hotspot")
        details = {check["name"]: check["detail"] for check in report["checks"]}
        self.assertEqual(details["others in view known"], f"{60 * 59} checked")
        self.assertGreaterEqual(report["coming_seconds"], 0.9)
        # Each of 60 moves a second is told to 60.
        self.assertGreater(report["deliveries_per_second"], 0.9 * 60 * 60)
        self.assertGreater(report["bytes_per_second"], report["deliveries_per_second"])
        for line in ("playing: ", "played"):
            self.assertIn(line, done.stderr)

    def test_two_hundred_storm_a_world_with_players(self):
        # A machine that stands still for a second makes moves come in a bunch: the shorter interval allows for it.
        server = self.serve("--workers", "2", "--move-interval", "100")
        done = self.run_bots(
            server, "--scenario", "storm", "--count", 200, "--settled", 100, "--ramp", 400, "--duration", 2,
            "--json", "-", statuses=(0, 1))
        report = json.loads(done.stdout)
        # How long they wait is for a quiet machine to say (make world): here it is only said.
        undisturbed = "settled undisturbed"
        self.assert_report(report, count=200, excused=(undisturbed,))
        failed = [check["name"] for check in report["checks"] if not check["ok"]]
        self.assertEqual(done.returncode, 1 if failed else 0, failed)
        self.assertEqual(report["settled"], 100)
        for when in ("settled_before", "settled_during"):
            self.assertGreater(report[when]["p50"], 0)
        for key in PERCENTILES:
            self.assertGreater(report["entry_delay"][key], 0)
        self.assertIn(undisturbed, {check["name"] for check in report["checks"]})
        self.assertIn("wave: 200 bots come to 100\n", done.stderr)

    def test_a_server_that_drains_sends_them_home(self):
        server = self.start("serve", *self.LOCAL, "--spawn-area", "5")
        host, port = server.address
        player = self.player(server)
        bots = subprocess.Popen(
            [servers.program(), "bots", "--connect", f"{host}:{port}", "--count", "100", "--ramp", "500",
             "--duration", "30", "--json", "-"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            # A player among them is told of every one: then all of them play.
            deadline = time.monotonic() + 10
            while len(player.objects) < 100 and time.monotonic() < deadline:
                player.chat("is everybody here?")
            self.assertEqual(len(player.objects), 100)
            server.stop()
            output, errors = bots.communicate(timeout=20)
        finally:
            bots.kill()
            bots.wait()
        self.assertEqual(bots.returncode, 1, errors)
        self.assertIn("shut", errors)
        self.assertEqual(json.loads(output)["disconnected"], 100)

    def test_a_scenario_to_come_is_answered_with_one_line(self):
        for scenario in ("mmo", "hostile"):
            with self.subTest(scenario):
                done = servers.run("bots", "--connect", "127.0.0.1:1", "--scenario", scenario)
                self.assertEqual(done.returncode, 64)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(scenario, done.stderr)

    def test_settled_bots_belong_to_a_storm(self):
        for arguments in (("--settled", "5"), ("--scenario", "storm", "--settled", "0"),
                          ("--scenario", "storm", "--count", "59000", "--settled", "1001")):
            with self.subTest(arguments):
                done = servers.run("bots", "--connect", "127.0.0.1:1", *arguments)
                self.assertEqual(done.returncode, 64)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn("settled", done.stderr)


class BotsNotice(ServerTest):
    """Bots that could not fail would prove nothing: a debug build of the server can be told to lose packets."""

    def test_a_server_that_loses_every_thousandth_packet_is_found_out(self):
        path = servers.debug_program()
        if path is None:
            self.skipTest("no debug build: swift build makes it, GORI_DEBUG names it")
        server = servers.Server("serve", *self.LOCAL, program=path, environment={"GORI_DROP_EVERY": "1000"})
        with server:
            host, port = server.address
            done = servers.run("bots", "--connect", f"{host}:{port}", "--count", 300, "--duration", 6,
                               "--ramp", 300, "--json", "-", timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        report = json.loads(done.stdout)
        failed = [check["name"] for check in report["checks"] if not check["ok"]]
        self.assertTrue(failed)
        self.assertGreater(report["lost"], 0)
