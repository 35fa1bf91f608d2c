# SPDX-License-Identifier: Apache-2.0
"""`gori doctor`: what it says is what a server meets, in a table for people and in JSON for programs."""

import errno
import json
import os
import pathlib
import platform
import re
import resource
import tempfile
import unittest

import refusals
import server as servers
from support import ServerTest

FAILURE = 1
FEATURES = (
    "incremental-buffers", "vectorized-send", "message-ring", "receive-limit", "absolute-timer", "no-iowait",
    "silent-send", "direct-descriptors", "registered-files")
KEYS = {
    "gori": str, "kernel": dict, "processors": int, "container": (str, type(None)), "asked": str,
    "port": (str, type(None)), "reason": str, "refusal": (dict, type(None)), "features": list, "limits": list,
    "advice": list, "obstacle": (str, type(None)), "can_run": bool,
}


class DoctorTest(ServerTest):
    def examine(self, *arguments, prefix=(), status=0, environment=None):
        """The report as JSON, with its shape checked."""
        done = servers.run("doctor", "--json", "-", *arguments, prefix=prefix, environment=environment)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1 if status else 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(set(report), set(KEYS))
        for key, kinds in KEYS.items():
            self.assertIsInstance(report[key], kinds, key)
        self.assertEqual(report["can_run"], status == 0)
        self.assertEqual(report["can_run"], report["obstacle"] is None)
        self.assertEqual(report["can_run"], report["port"] in ("uring", "epoll"))
        self.assertEqual(tuple(feature["name"] for feature in report["features"]), FEATURES)
        return report

    def limit(self, report, name):
        found = [limit for limit in report["limits"] if limit["name"].startswith(name)]
        self.assertEqual(len(found), 1, report["limits"])
        self.assertEqual(set(found[0]), {"name", "unit", "soft", "hard", "needed", "enough", "fix"})
        return found[0]

    def require(self, refusal):
        if refusals.answers(refusal.launcher) is None:
            self.skipTest("no seccomp filter can be installed here")

    @staticmethod
    def allows_io_uring():
        return refusals.answers(())[0] == [-1, errno.EFAULT]


class Here(DoctorTest):
    def test_the_machine_is_described_as_it_is(self):
        report = self.examine()
        self.assertEqual(report["kernel"]["release"], platform.release())
        self.assertEqual(report["kernel"]["machine"], platform.machine())
        self.assertEqual(report["processors"], os.sysconf("SC_NPROCESSORS_ONLN"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        files = self.limit(report, "open files")
        self.assertEqual((files["soft"], files["hard"]), (soft, hard))
        somaxconn = int(pathlib.Path("/proc/sys/net/core/somaxconn").read_text())
        self.assertEqual(self.limit(report, "accept queue")["soft"], somaxconn)
        disabled = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
        if disabled.exists():
            self.assertEqual(report["kernel"]["io_uring_disabled"], int(disabled.read_text()))

    def test_a_server_takes_what_the_doctor_says(self):
        for arguments in ((), ("--io", "epoll"), ("--disable-features", "all"), ("--direct-descriptors",)):
            with self.subTest(" ".join(arguments)):
                report = self.examine(*arguments)
                server = self.echo(*arguments)
                server.wait_for_log("^open files: ")
                self.assertIn(f"completion port: {report['reason']}\n", server.log)
                used = {feature["name"] for feature in report["features"] if feature["state"] == "used"}
                line = re.search(r"kernel features used: (.*)", server.log)
                self.assertEqual(used, set(line[1].split()) - {"none"} if line else set())

    def test_features_are_used_missing_or_switched_off(self):
        if not self.allows_io_uring():
            self.skipTest("this machine refuses io_uring")
        every = {feature["name"]: feature["state"] for feature in self.examine()["features"]}
        self.assertEqual(every.pop("direct-descriptors"), "unused")
        self.assertLessEqual(set(every.values()), {"used", "missing"})
        every["direct-descriptors"] = "unused"
        self.assertEqual(every["silent-send"], "used")
        for name in FEATURES:
            with self.subTest(name):
                states = {
                    feature["name"]: feature["state"]
                    for feature in self.examine("--disable-features", name)["features"]}
                # Nobody sends by the table then.
                also = {"registered-files": "off"} if name == "silent-send" else {}
                self.assertEqual(states, {**every, name: "off", **also})
        report = self.examine("--direct-descriptors", "--disable-features", "silent-send")
        # Without the one there is not the other.
        self.assertEqual([feature["state"] for feature in report["features"]][-3:], ["off"] * 3)

    def test_every_feature_has_a_kernel_and_a_use(self):
        for feature in self.examine()["features"]:
            self.assertEqual(set(feature), {"name", "since", "state", "gives"})
            self.assertRegex(feature["since"], r"^6\.\d+$", feature["name"])
            self.assertGreater(len(feature["gives"]), 20, feature["name"])

    def test_the_table_and_the_file_say_the_same(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "report.json"
            done = servers.run("doctor", "--json", path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            report = json.loads(path.read_text())
        self.assertIn(report["kernel"]["release"], done.stdout)
        self.assertIn(report["reason"], done.stdout)
        for feature in report["features"]:
            self.assertRegex(done.stdout, rf"{feature['name']} +{feature['since']} +{feature['state']}")
        for limit in report["limits"]:
            self.assertIn(limit["name"], done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "a server can run here")

    def test_a_report_that_cannot_be_written_is_a_failure(self):
        done = servers.run("doctor", "--json", "/proc/nowhere/report.json")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (FAILURE, 1), done.stderr)
        self.assertIn("/proc/nowhere/report.json", done.stderr)


class Refused(DoctorTest):
    def test_the_cause_and_the_remedy_are_named_and_epoll_serves(self):
        for refusal in (*refusals.FILTERED, *refusals.HALF):
            with self.subTest(refusal.name):
                self.require(refusal)
                report = self.examine(prefix=refusal.launcher)
                self.assertEqual(report["port"], "epoll")
                self.assertTrue(report["kernel"]["seccomp_filter"])
                self.assertEqual({feature["state"] for feature in report["features"]}, {"unused"})
                found = report["refusal"]
                self.assertEqual(
                    set(found), {"cause", "call", "errno", "error", "text", "remedy"})
                self.assertEqual((found["errno"], found["error"]), (refusal.code, os.strerror(refusal.code)))
                if refusal.cause is not None:
                    self.assertEqual(found["cause"], refusal.cause)
                self.assertRegex(found["text"], refusal.words)
                self.assertRegex(found["remedy"], refusal.remedy)
                self.assertIn(found["remedy"], report["advice"][0])

    def test_asked_for_io_uring_no_server_can_run(self):
        self.require(refusals.SECCOMP)
        report = self.examine("--io", "uring", prefix=refusals.SECCOMP.launcher, status=FAILURE)
        self.assertIn("seccomp", report["obstacle"])
        done = servers.run("doctor", "--io", "uring", prefix=refusals.SECCOMP.launcher)
        self.assertEqual(done.returncode, FAILURE)
        self.assertEqual(done.stdout.splitlines()[-1], "no server can run here")
        self.assertRegex(done.stderr, "seccomp.*--security-opt")

    def test_asked_for_epoll_nothing_asks_for_io_uring(self):
        self.require(refusals.SECCOMP)
        report = self.examine("--io", "epoll", prefix=refusals.KILLER)
        self.assertEqual((report["port"], report["refusal"]), ("epoll", None))

    def test_too_little_locked_memory_is_named_where_the_kernel_counts_rings(self):
        for refusal, limit in ((refusals.NO_LOCKED_MEMORY, 0), (refusals.SOME_LOCKED_MEMORY, 1 << 20)):
            with self.subTest(limit):
                report = self.examine("--workers", "8", prefix=refusal.launcher)
                row = self.limit(report, "locked memory")
                self.assertEqual((row["soft"], row["unit"]), (limit, "bytes"))
                if refusals.locked_memory_counts():
                    self.assertEqual((report["port"], report["refusal"]["cause"]), ("epoll", "memlock"))
                    self.assertFalse(row["enough"])
                    self.assertIn("ulimit -l", report["advice"][0])
                else:
                    self.assertEqual(report["port"], "uring")


class Limits(DoctorTest):
    def test_too_few_files_for_the_sessions_is_named_with_the_number(self):
        report = self.examine("--maximum-sessions", "1000000", "--workers", "2")
        row = self.limit(report, "open files")
        self.assertEqual(row["needed"], 1_000_128)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard == resource.RLIM_INFINITY or hard >= row["needed"]:
            self.assertTrue(row["enough"])
        else:
            self.assertFalse(row["enough"])
            self.assertTrue(any("ulimit -Hn 1000128" in advice for advice in report["advice"]))

    def test_without_files_for_its_workers_no_server_can_run(self):
        report = self.examine("--workers", "16", prefix=("sh", "-c", 'ulimit -n 20; exec "$@"', "sh"), status=FAILURE)
        self.assertRegex(report["obstacle"], "open files")

    def test_enough_is_enough(self):
        report = self.examine("--maximum-sessions", "10", "--workers", "1")
        row = self.limit(report, "open files")
        self.assertTrue(row["enough"])
        self.assertIsNone(row["fix"])


if __name__ == "__main__":
    unittest.main()
