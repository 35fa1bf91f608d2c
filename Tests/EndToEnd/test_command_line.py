# SPDX-License-Identifier: Apache-2.0
"""The command line: what is wrong is said in one line, with the status that scripts rely on."""

import re
import socket
import unittest

import server as servers
from support import ServerTest

USAGE, FAILURE = 64, 1
CRASH = re.compile(r"Fatal error|Stack dump|Segmentation|stack backtrace", re.IGNORECASE)


class CommandLineTest(ServerTest):
    def says_one_line(self, *arguments, status, naming=(), prefix=()):
        """The program ends with the status; the only line on standard error names some things."""
        done = servers.run(*arguments, prefix=prefix)
        shown = f"`gori {' '.join(arguments)}` said:\n{done.stderr}"
        self.assertIn(done.returncode, status if isinstance(status, tuple) else (status,), shown)
        self.assertNotRegex(done.stderr, CRASH)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, shown)
        for pattern in naming:
            self.assertRegex(lines[0], re.compile(pattern, re.IGNORECASE))
        self.assertNotIn("ready", done.stdout.splitlines())
        return lines[0]


class Usage(CommandLineTest):
    def test_an_unknown_option_is_named(self):
        for subcommand in ("serve", "echo", "bots", "study"):
            with self.subTest(subcommand):
                self.says_one_line(subcommand, "--nonsense", status=USAGE, naming=["nonsense"])

    def test_an_unknown_subcommand_is_named(self):
        self.says_one_line("nonsense", status=USAGE, naming=["nonsense"])

    def test_a_bad_value_is_answered_with_what_was_expected(self):
        bad = [
            ("serve", "--workers", "many"), ("serve", "--workers", "0"), ("serve", "--workers", "1.5"),
            ("serve", "--tick", "5"), ("serve", "--tick", "500"), ("serve", "--monsters", "some"),
            ("serve", "--heartbeat", "soon"), ("serve", "--hello-timeout", "never"),
            ("serve", "--move-interval", "slow"), ("serve", "--io", "telepathy"),
            ("serve", "--log-level", "poetry"),
            ("echo", "--workers", "0"), ("echo", "--mode", "shout"), ("echo", "--group", "three"),
            ("echo", "--io", "telepathy"), ("doctor", "--io", "telepathy"), ("doctor", "--workers", "65"),
            ("bots", "--connect", "127.0.0.1:1", "--count", "none"),
            ("bots", "--connect", "127.0.0.1:1", "--scenario", "peace"),
            ("bots", "--connect", "127.0.0.1:1", "--ramp", "0"),
        ]
        for arguments in bad:
            with self.subTest(" ".join(arguments)):
                self.says_one_line(*arguments, status=USAGE, naming=[arguments[-2]])

    def test_a_missing_value_is_reported(self):
        for arguments in (("serve", "--workers"), ("echo", "--mode"), ("bots", "--connect")):
            with self.subTest(" ".join(arguments)):
                self.says_one_line(*arguments, status=USAGE, naming=[arguments[-1]])

    def test_a_bad_address_is_named(self):
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:", "[::1:80", "[::1]"):
            for subcommand in ("serve", "echo"):
                with self.subTest(f"{subcommand} {address}"):
                    self.says_one_line(
                        subcommand, "--listen", address, status=(USAGE, FAILURE),
                        naming=[re.escape(address)])


class Help(CommandLineTest):
    def test_each_subcommand_explains_itself_with_an_example(self):
        options = (
            ("serve", "--listen"), ("bots", "--connect"), ("echo", "--mode"), ("study", "--quick"),
            ("doctor", "--json"))
        for subcommand, option in options:
            with self.subTest(subcommand):
                done = servers.run(subcommand, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(option, done.stdout)
                self.assertRegex(done.stdout, "(?i)example")
                self.assertRegex(done.stdout, rf"gori {subcommand} --?\w")

    def test_the_program_lists_its_subcommands(self):
        done = servers.run("--help")
        self.assertEqual(done.returncode, 0)
        for subcommand in ("serve", "bots", "echo", "study", "doctor"):
            self.assertIn(subcommand, done.stdout)


class Failures(CommandLineTest):
    IN_USE = [r"in use", r"--listen|stop|other|another|free"]

    def test_a_port_in_use_is_named_with_a_remedy(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for subcommand in ("serve", "echo"):
                with self.subTest(subcommand):
                    self.says_one_line(
                        subcommand, "--listen", f"127.0.0.1:{port}", status=FAILURE,
                        naming=[str(port), *self.IN_USE])

    def test_a_second_server_does_not_share_the_port_of_the_first(self):
        for workers in ("1", "2"):
            with self.subTest(workers=workers):
                first = self.echo("--workers", workers)
                self.says_one_line(
                    "echo", "--listen", f"127.0.0.1:{first.port}", "--workers", workers,
                    status=FAILURE, naming=[str(first.port), *self.IN_USE])

    def test_a_foreign_address_is_named(self):
        # TEST-NET-1: no machine has it.
        self.says_one_line("echo", "--listen", "192.0.2.1:0", status=FAILURE, naming=["192.0.2.1"])

    def test_bots_without_a_server_fail_with_one_line(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        done = servers.run("bots", "--connect", f"127.0.0.1:{port}", "--count", "2", "--duration", "1")
        self.assertEqual(done.returncode, FAILURE, done.stderr)
        self.assertNotRegex(done.stderr, CRASH)
        self.assertRegex(done.stderr.splitlines()[-1], str(port))


class StartUp(CommandLineTest):
    def test_no_address_means_port_7777_of_every_interface(self):
        try:
            server = self.echo(listen=())
        except servers.ServerError as error:
            if "in use" in str(error):
                self.skipTest("port 7777 of this machine is in use")
            raise
        self.assertIn(server.addresses, ([("::", 7777)], [("0.0.0.0", 7777)]))

    def test_standard_output_carries_nothing_but_lines_for_programs(self):
        done = servers.Server("echo", *self.LOCAL)
        with done:
            done.stop()
        self.assertTrue(done.output.empty() or done.output.get() is None)

    def test_the_port_chosen_is_printed(self):
        server = self.serve()
        self.assertEqual(server.addresses[0][0], "127.0.0.1")
        self.assertGreater(server.port, 0)


if __name__ == "__main__":
    unittest.main()
