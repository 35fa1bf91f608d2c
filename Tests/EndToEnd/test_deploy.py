# SPDX-License-Identifier: Apache-2.0
"""The files in docs/deploy: they are well-formed, they agree with the program, and what they allow is enough for it."""

import errno
import fnmatch
import json
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import refusals
import server as servers
import under_profile
from support import ServerTest

DEPLOY = servers.ROOT / "docs" / "deploy"
PROFILE = DEPLOY / "seccomp.json"
LAUNCHER = (sys.executable, str(pathlib.Path(under_profile.__file__)))
PROGRAM = "/usr/local/bin/gori"


def needs(tool):
    return unittest.skipUnless(shutil.which(tool), f"there is no {tool} here (make deps-test)")


class DeployTest(ServerTest):
    def require_filter(self):
        if refusals.answers(refusals.SECCOMP.launcher) is None:
            self.skipTest("no seccomp filter can be installed here")

    def require_io_uring(self):
        if refusals.answers(())[0] != [-1, errno.EFAULT]:
            self.skipTest("this machine refuses io_uring")

    def under(self, profile, *arguments, subcommand="serve"):
        server = servers.Server(
            subcommand, *self.LOCAL, *arguments, prefix=(*LAUNCHER, str(profile)))
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def assert_serves_players(self, server):
        one, other = self.player(server), self.player(server)
        self.see_each_other(one, other)

    def assert_starts(self, command):
        """The program takes the options of a command line that serves on port 7777, on another port."""
        self.assertEqual(command[:3], ["serve", "--listen", "[::]:7777"])
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        options = [option.replace("/data/", folder.name + "/") for option in command[3:]]
        self.start("serve", *self.LOCAL, *options)


@needs("cc")
class Profile(DeployTest):
    def setUp(self):
        self.require_filter()
        self.profile = json.loads(PROFILE.read_text())

    def attempt(self, call):
        done = subprocess.run(
            [*LAUNCHER, "--try", call, str(PROFILE)], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout)

    def test_it_has_the_form_that_container_runtimes_read(self):
        self.assertEqual(set(self.profile), {"defaultAction", "defaultErrnoRet", "syscalls"})
        self.assertEqual((self.profile["defaultAction"], self.profile["defaultErrnoRet"]), ("SCMP_ACT_ERRNO", 1))
        for rule in self.profile["syscalls"]:
            self.assertLessEqual(set(rule), {"comment", "names", "action", "args", "errnoRet"})
            self.assertEqual(len(rule["names"]), len(set(rule["names"])))

    def test_every_name_is_a_system_call(self):
        if platform.machine() != "x86_64":
            self.skipTest("only x86-64 has all of them")
        names = {name for rule in self.profile["syscalls"] for name in rule["names"]}
        self.assertEqual(names - set(under_profile.call_numbers()), set())

    def test_it_denies_what_it_does_not_name(self):
        for call in ("mount", "unshare", "ptrace", "bpf", "kexec_load", "fork", "kill"):
            if call in under_profile.call_numbers():
                self.assertEqual(self.attempt(call), errno.EPERM, call)
        self.assertEqual(self.attempt("clone3"), errno.ENOSYS)
        # Family 0 is neither of the two allowed.
        self.assertEqual(self.attempt("socket"), errno.EPERM)
        self.assertEqual(self.attempt("getppid"), 0)
        self.assertEqual(self.attempt("io_uring_setup"), errno.EFAULT)

    def test_the_server_serves_under_it_over_io_uring(self):
        self.require_io_uring()
        for arguments in ((), ("--disable-features", "all"), ("--direct-descriptors",)):
            with self.subTest(" ".join(arguments)):
                server = self.under(PROFILE, *self.FAST, "--io", "uring", "--workers", "2", *arguments)
                server.wait_for_log("^completion port: io_uring")
                self.assert_serves_players(server)

    def test_the_server_serves_under_it_over_epoll(self):
        server = self.under(PROFILE, *self.FAST, "--io", "epoll", "--workers", "2")
        self.assert_serves_players(server)

    def test_it_is_what_lets_io_uring_through(self):
        done = servers.run("doctor", "--json", "-", prefix=(
            *LAUNCHER, "--without", "io_uring_setup", str(PROFILE)))
        report = json.loads(done.stdout)
        self.assertEqual((report["port"], report["refusal"]["cause"]), ("epoll", "seccomp"))

    def test_the_tools_run_under_it(self):
        self.require_io_uring()
        done = servers.run("doctor", "--json", "-", prefix=(*LAUNCHER, str(PROFILE)))
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["port"], report["refusal"]), (0, "uring", None))
        self.assertTrue(report["kernel"]["seccomp_filter"])
        states = {feature["name"]: feature["state"] for feature in report["features"]}
        free = json.loads(servers.run("doctor", "--json", "-").stdout)
        self.assertEqual(states, {feature["name"]: feature["state"] for feature in free["features"]})
        server = self.serve()
        done = servers.run(
            "bots", "--connect", f"127.0.0.1:{server.port}", "--count", "20", "--duration", "1",
            prefix=(*LAUNCHER, str(PROFILE)))
        self.assertEqual(done.returncode, 0, done.stderr)


class Image(DeployTest):
    def setUp(self):
        text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
        lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
        self.instructions = [(name, rest.strip()) for name, rest in lines]

    def all(self, name):
        return [rest for instruction, rest in self.instructions if instruction == name]

    def test_every_instruction_is_one(self):
        known = {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
        self.assertLessEqual({name for name, _ in self.instructions}, known)
        self.assertEqual(len(self.all("FROM")), 2)

    def test_what_it_copies_is_there_and_not_ignored(self):
        rules = (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
        kept = [rule[1:] for rule in rules if rule.startswith("!")]
        self.assertIn("*", rules)
        sources = [rest.split()[0] for rest in self.all("COPY") if not rest.startswith("--from")]
        self.assertIn("Sources", sources)
        for source in sources:
            self.assertTrue((servers.ROOT / source).exists(), source)
            self.assertTrue(any(fnmatch.fnmatch(source, rule) for rule in kept), source)

    def test_every_folder_of_the_package_is_copied(self):
        manifest = (servers.ROOT / "Package.swift").read_text()
        sources = [rest.split()[0] for rest in self.all("COPY")]
        for path in {"Sources", "Tests", *re.findall(r'path: "([^"/]+)', manifest)}:
            self.assertIn(path, sources)

    def test_it_runs_as_nobody_in_particular_and_serves(self):
        user = self.all("USER")[-1].split(":")
        self.assertTrue(all(number.isdigit() and int(number) > 0 for number in user), user)
        self.assertEqual(self.all("EXPOSE"), ["7777"])
        self.assertEqual(json.loads(self.all("ENTRYPOINT")[-1]), [PROGRAM])
        self.assertTrue(any(rest.split()[-1] == PROGRAM for rest in self.all("COPY")))
        self.assertEqual(self.all("VOLUME"), ["/data"])
        self.assertIn("/data/gori.sqlite", json.loads(self.all("CMD")[-1]))
        self.assert_starts(json.loads(self.all("CMD")[-1]))


class Compose(DeployTest):
    def setUp(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("there is no yaml for this python3 (make deps-test)")
        self.service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["gori"]

    def test_what_it_names_is_there(self):
        build = self.service["build"]
        context = (DEPLOY / build["context"]).resolve()
        self.assertEqual(context, servers.ROOT)
        self.assertTrue((context / build["dockerfile"]).exists())
        profiles = [
            option.removeprefix("seccomp:") for option in self.service["security_opt"]
            if option.startswith("seccomp:")]
        self.assertEqual([(DEPLOY / profile).resolve() for profile in profiles], [PROFILE])

    def test_it_gives_what_the_server_needs_and_no_more(self):
        self.assertIn("no-new-privileges:true", self.service["security_opt"])
        self.assertEqual(self.service["cap_drop"], ["ALL"])
        self.assertTrue(self.service["read_only"])
        self.assertEqual([volume.split(":")[1] for volume in self.service["volumes"]], ["/data"])
        self.assertIn("/data/gori.sqlite", self.service["command"])
        self.assertEqual(self.service["ports"], ["7777:7777"])
        limits = self.service["ulimits"]
        self.assertEqual(limits["memlock"], -1)
        sessions = int(self.service["command"][self.service["command"].index("--maximum-sessions") + 1])
        self.assertGreaterEqual(limits["nofile"]["hard"], sessions + 64 * 64)
        self.assert_starts(self.service["command"])


@needs("systemd-analyze")
class Unit(DeployTest):
    def setUp(self):
        self.text = (DEPLOY / "gori.service").read_text()

    def all(self, key):
        return re.findall(rf"^{key}=(.*)$", self.text, re.MULTILINE)

    def analyze(self, *arguments):
        return subprocess.run(
            ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)

    def test_systemd_finds_no_fault_with_it(self):
        self.assertEqual(self.text.count(PROGRAM), 1)
        with tempfile.TemporaryDirectory() as directory:
            unit = pathlib.Path(directory) / "gori.service"
            # The program need not be installed where the test runs.
            unit.write_text(self.text.replace(PROGRAM, "/bin/true"))
            done = self.analyze("verify", "--man=no", str(unit))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            unit.write_text(self.text.replace("NoNewPrivileges", "NoNewPrivilege"))
            self.assertIn("NoNewPrivilege", self.analyze("verify", "--man=no", str(unit)).stderr)

    def test_systemd_calls_it_well_confined(self):
        done = self.analyze("security", "--offline=true", "--threshold=20", str(DEPLOY / "gori.service"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_program_takes_its_command_line(self):
        command = shlex.split(self.all("ExecStart")[0])
        self.assertEqual(command[0], PROGRAM)
        self.assert_starts(command[1:])
        self.assertGreaterEqual(int(self.all("LimitNOFILE")[0]), 16_384 + 64 * 64)
        self.assertEqual(self.all("CapabilityBoundingSet"), [""])

    def calls_of(self, name):
        """The system calls of a group, with those of the groups in it."""
        if not name.startswith("@"):
            return {name}
        done = self.analyze("syscall-filter", "--no-pager", name)
        self.assertEqual(done.returncode, 0, done.stderr)
        members = [line.strip() for line in done.stdout.splitlines()[1:] if line.strip()]
        return set().union(*(self.calls_of(member) for member in members if not member.startswith("#")))

    @needs("cc")
    def test_its_filter_is_enough_for_io_uring_and_epoll(self):
        self.require_filter()
        self.require_io_uring()
        allowed = set()
        for line in self.all("SystemCallFilter"):
            calls = set().union(*(self.calls_of(name) for name in line.lstrip("~").split()))
            allowed = allowed - calls if line.startswith("~") else allowed | calls
        self.assertNotIn("mount", allowed)
        profile = {
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.EPERM,
            "syscalls": [{"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"}]}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(profile))
            file.flush()
            for port in ("uring", "epoll"):
                with self.subTest(port):
                    server = self.under(file.name, *self.FAST, "--io", port)
                    self.assert_serves_players(server)


if __name__ == "__main__":
    unittest.main()
