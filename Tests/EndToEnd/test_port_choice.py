# SPDX-License-Identifier: Apache-2.0
"""Which completion port serves: io_uring where it works, epoll with a reason where it is refused."""

import errno
import time
import unittest

import refusals
import server as servers
from support import ServerTest

USAGE, FAILURE = 64, 1
# The promise is 100 ms; tests run beside others on a busy machine.
READY_WITHIN = 1.0
PORT_LINE = r"^completion port: (.*)\n"


class PortChoiceTest(ServerTest):
    def serve_under(self, refusal, subcommand, *arguments, environment=None):
        """A server on a machine that refuses io_uring; it must be ready in no time."""
        # What it takes to start without a refusal: the launcher is Python, and the machine may be busy.
        began = time.monotonic()
        server = servers.Server(
            subcommand, *self.LOCAL, *arguments, prefix=refusal.launcher if refusal else (),
            environment=environment)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server, time.monotonic() - began

    def port_line(self, server):
        return server.wait_for_log(PORT_LINE)[1]

    def require(self, refusal):
        answers = refusals.answers(refusal.launcher)
        if answers is None:
            self.skipTest("no seccomp filter can be installed here")
        return answers

    def assert_serves_players(self, server):
        with self.subTest("players"):
            one, other = self.player(server), self.player(server)
            self.see_each_other(one, other)
            one.walk(1)


class Refused(PortChoiceTest):
    def test_the_filters_answer_as_they_are_meant_to(self):
        for refusal in refusals.FILTERED:
            with self.subTest(refusal.name):
                self.assertEqual(self.require(refusal), [[-1, refusal.code]] * 3)

    def test_left_the_choice_a_server_serves_over_epoll_and_says_why(self):
        for refusal in (*refusals.FILTERED, *refusals.HALF):
            with self.subTest(refusal.name):
                self.require(refusal)
                server, _ = self.serve_under(refusal, "serve", *self.FAST, "--workers", "2")
                line = self.port_line(server)
                self.assertRegex(line, "^epoll, because io_uring")
                self.assertRegex(line, refusal.words)
                self.assertRegex(line, refusal.remedy)
                self.assert_serves_players(server)

    def test_the_choice_costs_no_time(self):
        self.require(refusals.SECCOMP)
        best = min(
            self.serve_under(refusals.SECCOMP, "echo", "--workers", "1")[1] for _ in range(3))
        self.assertLess(best, READY_WITHIN)

    def test_asked_for_io_uring_a_server_ends_with_cause_and_remedy(self):
        for refusal in (*refusals.FILTERED, *refusals.HALF):
            for subcommand in ("serve", "echo"):
                with self.subTest(f"{refusal.name} {subcommand}"):
                    self.require(refusal)
                    done = servers.run(
                        subcommand, "--io", "uring", *self.LOCAL, prefix=refusal.launcher)
                    self.assertEqual(done.returncode, FAILURE, done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                    self.assertRegex(done.stderr, "^gori: io_uring")
                    self.assertRegex(done.stderr, refusal.words)
                    self.assertRegex(done.stderr, refusal.remedy)
                    self.assertNotIn("ready", done.stdout.splitlines())

    def test_too_little_locked_memory_means_epoll_where_the_kernel_counts_rings(self):
        # With some, the trial goes well and the ring of a later worker fails.
        for refusal in (refusals.NO_LOCKED_MEMORY, refusals.SOME_LOCKED_MEMORY):
            with self.subTest(refusal.words):
                server, _ = self.serve_under(refusal, "serve", *self.FAST, "--workers", "8")
                line = self.port_line(server)
                if refusals.locked_memory_counts():
                    self.assertRegex(line, "^epoll, because io_uring")
                    self.assertIn(refusal.words, line)
                    self.assertIn(refusal.remedy, line)
                else:
                    self.assertRegex(line, "^io_uring")
                self.assert_serves_players(server)


class Chosen(PortChoiceTest):
    def test_a_machine_that_allows_io_uring_serves_over_it(self):
        if refusals.answers(())[0] != [-1, errno.EFAULT]:
            self.skipTest("this machine refuses io_uring")
        for arguments in ((), ("--io", "auto"), ("--io", "uring")):
            with self.subTest(" ".join(arguments)):
                server, _ = self.serve_under(None, "serve", *self.FAST, *arguments)
                self.assertRegex(self.port_line(server), "^io_uring")
                self.assert_serves_players(server)

    def test_epoll_is_taken_when_it_is_asked_for(self):
        server, _ = self.serve_under(None, "serve", *self.FAST, "--io", "epoll", "--workers", "2")
        self.assertEqual(self.port_line(server), "epoll, as asked for")
        # What comes behind the features, where there are any.
        server.wait_for_log("^open files: ")
        self.assertNotIn("kernel features", server.log)
        self.assert_serves_players(server)

    def test_the_environment_is_the_default_and_the_option_wins(self):
        cases = (
            ("epoll", (), "epoll, as asked for"), ("epoll", ("--io", "auto"), "epoll, because|io_uring"),
            ("uring", ("--io", "epoll"), "epoll, as asked for"), ("", ("--io", "epoll"), "epoll, as asked for"),
            ("nonsense", ("--io", "epoll"), "epoll, as asked for"))
        for value, arguments, expected in cases:
            with self.subTest(f"GORI_IO={value} {' '.join(arguments)}"):
                server, _ = self.serve_under(None, "echo", *arguments, environment={"GORI_IO": value})
                self.assertRegex(self.port_line(server), f"^({expected})")

    def test_a_wrong_value_in_the_environment_is_named(self):
        for subcommand in ("serve", "echo", "doctor"):
            with self.subTest(subcommand):
                done = servers.run(subcommand, environment={"GORI_IO": "telepathy"})
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (USAGE, 1), done.stderr)
                self.assertRegex(done.stderr, "GORI_IO.*epoll.*telepathy")

    def test_asked_for_epoll_no_io_uring_call_is_made(self):
        # Where a filter ends the process that makes one, this is the way out.
        self.require(refusals.SECCOMP)
        done = servers.run("echo", *self.LOCAL, "--io", "uring", prefix=refusals.KILLER)
        self.assertLess(done.returncode, 0, "the filter does not end whoever asks for io_uring")
        killer = refusals.SECCOMP._replace(launcher=refusals.KILLER)
        for arguments, environment in ((("--io", "epoll"), {}), ((), {"GORI_IO": "epoll"})):
            with self.subTest(str(environment)):
                server, _ = self.serve_under(killer, "serve", *self.FAST, *arguments, environment=environment)
                self.assert_serves_players(server)


if __name__ == "__main__":
    unittest.main()
