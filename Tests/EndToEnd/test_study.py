# SPDX-License-Identifier: Apache-2.0
"""`gori study`: the files it writes, that they can be made again, and that nothing outlives it.

Slices are a few milliseconds here: what is tested is the instrument, not what it finds.
"""

import contextlib
import csv
import html.parser
import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import networks
import server as servers

FILES = {"results.json", "results.csv", "report.md", "report.html"}
SHORT = ("--quick", "--rotations", "2", "--slice", "20")
PEERS = servers.ROOT / "Benchmarks" / "peers" / "peers.py"
CONGESTION_CONTROL = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
VOID = {"meta", "input", "link", "br", "img", "hr"}


def has_uring():
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "doctor.json"
        servers.run("doctor", "--json", path)
        return json.loads(path.read_text())["port"] == "uring"


class Balance(html.parser.HTMLParser):
    """Elements that are closed in the order in which they were opened, and what they refer to."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.references = [], [], []
        self.languages = {"en": 0, "ko": 0}
        self.counts = {}
        self.results = ""

    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.references += [names[name] for name in ("src", "href") if name in names]
        if tag == "span" and names.get("lang") in self.languages:
            self.languages[names["lang"]] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.results += data


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def children(process):
    """Process ids of the children of a process that has one thread that makes them."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == process.pid and words[0] != "Z":
            found.append(int(status.parent.name))
    return found


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class StudyTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name) / "report"

    def study(self, *arguments, status=0, timeout=120):
        done = servers.run("study", *arguments, timeout=timeout)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def start(self, *arguments):
        process = subprocess.Popen(
            [servers.program(), "study", "--out", str(self.folder), *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for_measuring(self, process):
        """Until the second comparison has begun: the first is in the results then."""
        for line in process.stderr:
            if line.startswith("[2/"):
                return
        self.fail("the study ended before it measured anything")

    def assert_gone(self, pids, within=15.0):
        deadline = time.monotonic() + within
        while any(map(is_running, pids)) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual([pid for pid in pids if is_running(pid)], [])


@unittest.skipUnless(has_uring(), "no io_uring here")
class Report(StudyTest):
    def test_one_command_writes_a_report_that_can_be_made_again(self):
        # What a user has set for other servers changes no variant.
        done = servers.run(
            "study", *SHORT, "--workload", "echo-64-c50-d1", "--out", self.folder, timeout=120,
            environment={"GORI_IO": "epoll", "GORI_URING_DISABLE": "all"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"report {self.folder}/report.html\n")
        files = contents(self.folder)
        self.assertEqual(set(files), FILES)
        results = json.loads(files["results.json"])
        self.check_results(results)
        self.check_page(files["report.html"].decode(), results)
        self.check_table(files["results.csv"].decode(), results)
        self.assertIn("## A/A", files["report.md"].decode())

        again = self.folder.parent / "again"
        self.study("--from", self.folder / "results.json", "--out", again)
        self.assertEqual(contents(again), files)

    def check_results(self, results):
        self.assertEqual(results["schema"], "gori-study-1")
        self.assertFalse(results["wasInterrupted"])
        kinds = [comparison["kind"] for comparison in results["comparisons"]]
        self.assertEqual(kinds[:2], ["a/a", "ports"])
        self.assertIn("variants", kinds)
        for comparison in results["comparisons"]:
            self.assertNotIn("failure", comparison)
            self.assertEqual([slice["side"] for slice in comparison["slices"]], ["left", "right", "right", "left"])
            # In a few milliseconds of a busy machine a server may not have run at all.
            self.assertGreater(sum(slice["serverNanoseconds"] for slice in comparison["slices"]), 0)
            for slice in comparison["slices"]:
                self.assertGreater(slice["allMessages"], 0)
                self.assertGreaterEqual(slice["allMessages"], slice["messages"])
                self.assertLessEqual(slice["p50"], slice["p99"])
                self.assertLessEqual(slice["p99"], slice["p999"])
                # Every message is 64 bytes; a turn that is not counted yet has fifty at most.
                self.assertAlmostEqual(slice["bytesSent"], 64 * slice["allMessages"], delta=64 * 50)
        by_name = {comparison["right"]: comparison for comparison in results["comparisons"]}
        self.assertGreater(self.calls(by_name["epoll"], "right"), 2 * self.calls(by_name["epoll"], "left"))
        self.assertGreater(
            self.calls(by_name["no-silent-send"], "right"), 2 * self.calls(by_name["no-silent-send"], "left"))
        threads = by_name["threads"]
        self.assertEqual(threads["rightFacts"]["threads"], 52, "one for each connection, to accept and to wait")
        self.assertLess(threads["leftFacts"]["threads"], 20)
        # One to receive, one to send.
        self.assertAlmostEqual(self.calls(threads, "right"), 2, delta=0.2)
        direct = by_name["direct-descriptors"]
        self.assertGreater(direct["leftFacts"]["descriptors"], direct["rightFacts"]["descriptors"] + 40)
        self.assertNotIn("silent-send", by_name["no-silent-send"]["rightFacts"]["features"])
        self.assertIn("silent-send", by_name["no-silent-send"]["leftFacts"]["features"])

    @staticmethod
    def calls(comparison, side):
        slices = [slice for slice in comparison["slices"] if slice["side"] == side]
        return sum(s["systemCalls"] for s in slices) / sum(s["allMessages"] for s in slices)

    def check_page(self, page, results):
        parser = Balance()
        parser.feed(page)
        parser.close()
        self.assertEqual((parser.faults, parser.open), ([], []))
        self.assertTrue(all(link.startswith("#") for link in parser.references), parser.references)
        self.assertEqual(parser.languages["en"], parser.languages["ko"])
        self.assertGreater(parser.languages["ko"], 50)
        # A/A, and two for the ports, and one for the variants.
        self.assertEqual(parser.counts["svg"], 4)
        self.assertEqual(json.loads(parser.results), results)

    def check_table(self, table, results):
        rows = list(csv.DictReader(table.splitlines()))
        self.assertEqual(len(rows), sum(len(comparison["slices"]) for comparison in results["comparisons"]))
        self.assertEqual({row["kind"] for row in rows}, {"a/a", "ports", "variants"})
        slices = [slice for comparison in results["comparisons"] for slice in comparison["slices"]]
        for row, slice in zip(rows, slices):
            self.assertEqual(row["messages"], str(slice["messages"]))
            if slice["messages"]:
                self.assertAlmostEqual(
                    float(row["server_ns_per_message"]), slice["serverNanoseconds"] / slice["messages"])

    def test_every_kind_of_traffic_is_answered(self):
        self.study(
            *SHORT, "--out", self.folder, *(word for name in (
                "echo-16k-c50-d16", "packet-c50-d16", "broadcast-g10", "broadcast-g100", "churn")
                for word in ("--workload", name)))
        results = json.loads((self.folder / "results.json").read_text())
        measured = {comparison["workload"]["name"] for comparison in results["comparisons"]}
        self.assertEqual(measured, {
            "echo-16k-c50-d16", "packet-c50-d16", "broadcast-g10", "broadcast-g100", "churn-c16"})
        for comparison in results["comparisons"]:
            self.assertNotIn("failure", comparison)
            self.assertEqual(len(comparison["slices"]), 4)

    def test_streams_intended_times_and_slow_readers(self):
        self.study(
            *SHORT, "--out", self.folder, "--workload", "stream", "--workload", "open", "--workload", "slow-c50")
        results = json.loads((self.folder / "results.json").read_text())
        by_name = {c["workload"]["name"]: c for c in results["comparisons"] if c["kind"] == "ports"}
        # Of its families the short run has one each, and of slow readers none unless they are asked for.
        self.assertEqual(set(by_name), {"stream-c2", "open-20k", "slow-c50"})
        for comparison in results["comparisons"]:
            self.assertNotIn("failure", comparison)
        for slice in by_name["open-20k"]["slices"]:
            # 80 ms at 20,000/s, unless a busy machine kept the load from its processor.
            self.assertAlmostEqual(slice["seconds"], 0.08, delta=0.5)
            self.assertGreater(slice["messages"], 0)
        for slice in by_name["stream-c2"]["slices"]:
            self.assertAlmostEqual(slice["bytesSent"], 65_536 * slice["allMessages"], delta=65_536)
        held = [slice["bytesHeld"] for slice in by_name["slow-c50"]["slices"]]
        # A server that a busy machine kept from its processor may not have come to hold anything in the first.
        self.assertGreater(max(held), 0)
        self.assertLess(max(held), 50 * (8 << 20))
        report = (self.folder / "report.md").read_text()
        for words in ("MiB/s each way", "messages/s due", "KiB held for all of them", "20,000"):
            self.assertIn(words, report)

    def test_peers_are_measured_beside_the_default(self):
        listed = json.loads(subprocess.run(
            [sys.executable, "-B", str(PEERS), "list", "--json", "-"], capture_output=True, text=True, check=True,
            timeout=60).stdout)
        self.assertEqual(listed["schema"], "gori-peers-1")
        self.assertIn("asyncio", [peer["name"] for peer in listed["peers"]])
        listed["peers"] = [peer for peer in listed["peers"] if peer["name"] == "asyncio"] + [
            {"name": "gone", "version": "0", "command": ["/nowhere/gone", "{mode}"], "settleSeconds": 0,
             "needsUring": False},
            # Our own, as if it were somebody else's.
            {"name": "other", "version": "1", "settleSeconds": 0.2, "needsUring": True, "command": [
                servers.program(), "echo", "--listen", "127.0.0.1:0", "--mode", "{mode}", "--group", "{group}",
                "--workers", "1", "--io", "uring"]},
        ]
        listed["skipped"] = [{"name": "abacus", "reason": "no beads here"}]
        path = self.folder.parent / "peers.json"
        path.write_text(json.dumps(listed))
        done = self.study(
            *SHORT, "--workload", "packet-c50-d1", "--workload", "broadcast-g10", "--peers", "--peers-file", path,
            "--out", self.folder, status=1)
        self.assertRegex(done.stderr.splitlines()[-1], "^gori: packet-c50-d1, io_uring / gone: gone ended")
        results = json.loads((self.folder / "results.json").read_text())
        self.assertEqual([peer["name"] for peer in results["peers"]], ["asyncio", "gone", "other"])
        found = [comparison for comparison in results["comparisons"] if comparison["kind"] == "peers"]
        self.assertEqual(results["comparisons"][-len(found):], found, "they come last")
        self.assertEqual({(c["workload"]["name"], c["right"]) for c in found if "failure" not in c}, {
            (workload, peer) for workload in ("packet-c50-d1", "broadcast-g10") for peer in ("asyncio", "other")})
        for comparison in found:
            if comparison["right"] == "gone":
                continue
            self.assertGreater(comparison["rightFacts"]["residentKiB"], 1_000)
            for slice in comparison["slices"]:
                self.assertGreater(slice["allMessages"], 0)
                is_peer = slice["side"] == "right"
                self.assertEqual(slice.get("isWithoutCounters", False), is_peer)
                self.assertEqual(slice["systemCalls"] == 0, is_peer)
        self.assertIn({"workload": "peers", "left": "io_uring", "right": "abacus", "reason": "no beads here"},
                      results["omissions"])
        report = (self.folder / "report.md").read_text()
        for words in ("## Servers of others", "| asyncio | Python ", "no beads here"):
            self.assertIn(words, report)

    def test_the_world_is_played_on_one_side_at_a_time(self):
        process = self.start("--rotations", "1", "--slice", "20", "--workload", "course")
        servers_seen = 0
        while process.poll() is None:
            running = [pid for pid in children(process) if self.is_serving(pid)]
            servers_seen = max(servers_seen, len(running))
            time.sleep(0.02)
        self.assertEqual(process.returncode, 0, process.stderr.read())
        self.assertEqual(servers_seen, 1)
        results = json.loads((self.folder / "results.json").read_text())
        self.assertEqual([c["kind"] for c in results["comparisons"]], ["a/a", "ports"])
        for comparison in results["comparisons"]:
            self.assertNotIn("failure", comparison)
            self.assertEqual([slice["side"] for slice in comparison["slices"]], ["left", "right"])
            for slice in comparison["slices"]:
                # A thousand players who move once a second and are told of it, and of those around them.
                self.assertGreater(slice["messages"], 1_000)
                self.assertGreater(slice["serverNanoseconds"], 0)
                self.assertGreater(slice["p50"], 1_000)

    @staticmethod
    def is_serving(pid):
        try:
            return b"serve" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False

    @unittest.skipUnless(networks.HAS_NETWORKS, "no network namespaces here")
    def test_a_run_has_a_network_of_its_own(self):
        before = CONGESTION_CONTROL.read_text()
        process = self.start("--quick", "--slice", "20", "--workload", "echo-64-c50-d1")
        self.wait_for_measuring(process)
        networks = {os.readlink(f"/proc/{pid}/ns/net") for pid in children(process)}
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(len(networks), 1, networks)
        self.assertNotIn(os.readlink("/proc/self/ns/net"), networks)
        self.assertNotIn("network", said)
        machine = json.loads((self.folder / "results.json").read_text())["machine"]
        self.assertRegex(machine["link"], "^loopback in a network of the run's own, MTU [0-9]+$")
        self.assertIn("net.ipv4.tcp_congestion_control = reno", machine["settings"])
        self.assertEqual(CONGESTION_CONTROL.read_text(), before, "the machine's stays as it was")

    @unittest.skipUnless(networks.HAS_NETWORKS, "no network namespaces here")
    def test_its_congestion_control_can_be_chosen(self):
        # Which every kernel has is only Reno.
        for name in CONGESTION_CONTROL.with_name("tcp_allowed_congestion_control").read_text().split():
            folder = self.folder / name
            self.study(*SHORT, "--rotations", "1", "--workload", "stream", "--congestion-control", name, "--out", folder)
            machine = json.loads((folder / "results.json").read_text())["machine"]
            self.assertIn(f"net.ipv4.tcp_congestion_control = {name}", machine["settings"])
            self.assertEqual("BBR paces" in (folder / "report.md").read_text(), name == "bbr")

    def test_a_congestion_control_that_is_not_there_is_an_error(self):
        done = self.study(*SHORT, "--congestion-control", "telepathy", "--out", self.folder, status=1)
        self.assertRegex(done.stderr, "^gori: no network with telepathy: .*tcp_available_congestion_control\n$")
        self.assertFalse(self.folder.exists())

    @unittest.skipUnless(networks.HAS_USERS, "no user namespaces here")
    def test_without_a_network_of_its_own_it_uses_the_machines(self):
        done = servers.run(
            "study", *SHORT, "--workload", "stream", "--out", self.folder, timeout=120, prefix=networks.WITHOUT_NETWORKS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr.splitlines()[0], "^this run uses the machine's network, having none of its own: .")
        machine = json.loads((self.folder / "results.json").read_text())["machine"]
        self.assertRegex(machine["link"], "^the machine's loopback, MTU [0-9]+; no network of the run's own: .")
        self.assertIn(f"net.ipv4.tcp_congestion_control = {CONGESTION_CONTROL.read_text().strip()}", machine["settings"])

    def test_an_interrupted_run_reports_what_it_has(self):
        process = self.start("--quick", "--slice", "20", "--workload", "echo-64-c50-d1")
        self.wait_for_measuring(process)
        started = children(process)
        process.send_signal(signal.SIGINT)
        for _ in process.stderr:
            pass
        self.assertEqual(process.wait(30), 0)
        self.assert_gone(started)
        self.assertEqual(set(contents(self.folder)), FILES)
        results = json.loads((self.folder / "results.json").read_text())
        self.assertTrue(results["wasInterrupted"])
        self.assertGreaterEqual(len(results["comparisons"]), 1)
        self.assertIn("ended early", (self.folder / "report.md").read_text())

    def test_a_server_that_dies_fails_its_comparison_and_no_other(self):
        process = self.start("--quick", "--rotations", "40", "--slice", "20", "--workload", "echo-64-c50-d1")
        self.wait_for_measuring(process)
        victim = self.wait_for_child(process, "epoll")
        os.kill(victim, signal.SIGKILL)
        rest = process.stderr.read()
        self.assertEqual(process.wait(60), 1, rest)
        self.assertRegex(rest.splitlines()[-1], "^gori: echo-64-c50-d1, io_uring / epoll: ")
        results = json.loads((self.folder / "results.json").read_text())
        failed = [c["right"] for c in results["comparisons"] if "failure" in c]
        self.assertEqual(failed, ["epoll"])
        self.assertGreater(len(results["comparisons"]), 5)
        self.assertEqual(set(contents(self.folder)), FILES)

    def wait_for_child(self, process, word, within=30.0):
        """The child that has `word` in its command line."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for pid in children(process):
                try:
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if word.encode() in words:
                    return pid
            time.sleep(0.005)
        self.fail(f"no child with {word}")

    def test_a_terminal_shows_what_is_done_and_what_is_left(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        shown = []

        def read():
            try:
                while data := os.read(leader, 4096):
                    shown.append(data)
            except OSError:
                pass

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        process = subprocess.Popen(
            [servers.program(), "study", *SHORT, "--workload", "churn", "--out", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        self.addCleanup(process.kill)
        self.assertEqual(process.wait(60), 0)
        reader.join(10)
        text = b"".join(shown).decode()
        self.assertRegex(text, r"\[1/2\] connect, echo, close · 16: io_uring / io_uring, rotation 1/2, \d+ s left")
        self.assertIn("[2/2] connect, echo, close · 16: io_uring / epoll, rotation 2/2", text)
        self.assertNotIn("\n", text)
        self.assertTrue(text.endswith("\r\x1b[K"))

    def test_its_children_end_when_it_is_killed(self):
        process = self.start("--quick", "--slice", "20", "--workload", "echo-64-c50-d1")
        self.wait_for_measuring(process)
        deadline = time.monotonic() + 30
        while len(started := children(process)) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(len(started), 4, "two servers and two loads")
        process.kill()
        process.wait()
        self.assert_gone(started)


class Faults(StudyTest):
    def says_one_line(self, *arguments, status, naming):
        done = self.study(*arguments, status=status)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in naming:
            self.assertIn(word, done.stderr)

    def test_an_unknown_workload_is_answered_with_those_there_are(self):
        self.says_one_line("--workload", "poetry", status=64, naming=["poetry", "echo", "churn-c16"])

    def test_peers_that_nobody_has_built_are_asked_for(self):
        lists = self.folder.parent / "peers.json"
        self.says_one_line("--peers-file", lists, status=64, naming=["--peers-file", "--peers"])
        self.says_one_line("--peers", "--peers-file", lists, status=1, naming=["cannot read", "--peers-file"])
        lists.write_text('{"schema": "gori-peers-9"}')
        self.says_one_line(
            "--peers", "--peers-file", lists, status=1, naming=["gori-peers-1", "Benchmarks/peers/peers.py"])
        self.assertFalse(self.folder.exists())

    def test_a_report_of_nothing_and_of_something_else(self):
        self.folder.mkdir()
        other = self.folder / "other.json"
        self.says_one_line("--from", other, status=1, naming=["cannot read", str(other)])
        other.write_text("{}")
        self.says_one_line("--from", other, "--out", self.folder / "x", status=1, naming=[str(other), "schema"])
        other.write_text('{"schema": "gori-study-1"}')
        self.says_one_line("--from", other, "--out", self.folder / "x", status=1, naming=[str(other), "damaged"])
        self.says_one_line("--from", other, "--quick", status=64, naming=["--from", "--quick"])

    def test_an_earlier_run_is_not_written_over(self):
        self.folder.mkdir()
        (self.folder / "results.json").write_text("dear")
        self.says_one_line(*SHORT, "--out", self.folder, status=1, naming=["results.json", "--out"])
        self.assertEqual((self.folder / "results.json").read_text(), "dear")

    def test_a_folder_that_cannot_be_made_is_named_before_anything_is_measured(self):
        self.folder.write_text("a file")
        self.says_one_line(*SHORT, "--out", self.folder / "x", status=1, naming=[str(self.folder), "--out"])

    def test_the_load_process_is_for_the_study_only(self):
        done = servers.run("study-load", "hello")
        self.assertEqual(done.returncode, 1)
        self.assertIn("gori study", done.stderr)
        self.assertNotIn("study-load", servers.run("--help").stdout)


class Load(unittest.TestCase):
    """The load process, before servers that do something else than `gori echo`."""

    def answer(self, spoil, traffic="echo", slices="5 100\n", connects=True, **more):
        """What the load process says of a server that passes every chunk of a stream through `spoil`."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(20)

        def serve(stream):
            # A load that has found a fault goes away.
            with stream, contextlib.suppress(OSError):
                count = 0
                while data := stream.recv(65536):
                    data = spoil(data, count)
                    if data is None:
                        return
                    count += len(data)
                    stream.sendall(data)

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        workload = {"name": "x", "traffic": traffic, "connections": 1, "active": 1, "depth": 2, "size": 64, "group": 1,
                    **more}
        order = {"port": listener.getsockname()[1], "server": os.getpid(), "workload": workload, "spins": False}
        done = subprocess.run(
            [servers.program(), "study-load", json.dumps(order)], input=slices, capture_output=True, text=True,
            timeout=60)
        if connects:
            self.assertEqual(done.stdout.splitlines()[0], "connected")
        return done

    def test_an_honest_server_is_measured(self):
        done = self.answer(lambda data, _: data)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        answer = json.loads(done.stdout.splitlines()[1])
        self.assertGreater(answer["messages"], 0)
        self.assertGreater(answer["serverNanoseconds"], 0)
        self.assertAlmostEqual(answer["seconds"], 0.1, delta=1)

    def test_an_open_loop_sends_when_it_is_due_and_charges_a_stall_for_all_that_was(self):
        def stall(data, count):
            if 6400 <= count < 6400 + len(data):
                time.sleep(0.2)
            return data

        done = self.answer(stall, traffic="open", slices="20 800\n20 300\n", rate=500)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        first, second = map(json.loads, done.stdout.splitlines()[1:])
        # 500 a second for 0.8 s, whatever came back meanwhile.
        self.assertAlmostEqual(first["messages"], 400, delta=60)
        self.assertAlmostEqual(second["messages"], 150, delta=60)
        # A quarter of the slice's messages were due in the stall, so one of a hundred waited for nearly all of it.
        self.assertGreater(first["p99"], 150_000)
        self.assertLess(second["p50"], first["p99"])

    def test_an_open_loop_compares_every_byte(self):
        done = self.answer(lambda data, count: b"x" * len(data) if count > 640 else data, traffic="open", rate=2_000)
        self.assertEqual(done.returncode, 1)
        self.assertIn("other bytes came back", done.stderr)

    def test_slow_readers_are_measured_beside_and_their_loss_is_noticed(self):
        honest = self.answer(lambda data, _: data, traffic="slow", slow=2, slices="5 200\n5 200\n")
        self.assertEqual((honest.returncode, honest.stderr), (0, ""))
        for line in honest.stdout.splitlines()[1:]:
            answer = json.loads(line)
            self.assertGreater(answer["messages"], 0)
            self.assertGreaterEqual(answer["allMessages"], answer["messages"])

        # The active one sends 64 bytes at a time, the slow ones as much as is taken.
        closed = self.answer(
            lambda data, _: None if len(data) > 1_000 else data, traffic="slow", slow=2, connects=False)
        self.assertEqual(closed.returncode, 1)
        self.assertRegex(closed.stderr, "slow reader|connect")
        spoilt = self.answer(
            lambda data, _: bytes(len(data)) if len(data) > 1_000 else data, traffic="slow", slow=2)
        self.assertEqual(spoilt.returncode, 1)
        self.assertIn("other bytes came back than were sent, on slow reader", spoilt.stderr)

    def test_a_server_that_takes_all_of_a_slow_reader_is_noticed(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def drain(stream):
            with stream, contextlib.suppress(OSError):
                while stream.recv(1 << 20):
                    pass

        def swallow():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=drain, args=listener.accept()[:1], daemon=True).start()

        threading.Thread(target=swallow, daemon=True).start()
        workload = {"name": "x", "traffic": "slow", "connections": 2, "active": 1, "depth": 1, "size": 64, "group": 1,
                    "slow": 1}
        order = {"port": listener.getsockname()[1], "server": os.getpid(), "workload": workload, "spins": False}
        done = subprocess.run(
            [servers.program(), "study-load", json.dumps(order)], input="5 20\n", capture_output=True, text=True,
            timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "more than 48 MiB were taken of slow reader 0")

    def test_a_wrong_byte_is_noticed(self):
        def spoil(data, count):
            return bytes([data[0] ^ 1]) + data[1:] if count >= 6400 else data

        done = self.answer(spoil)
        self.assertEqual(done.returncode, 1)
        self.assertIn("other bytes came back", done.stderr)

    def test_a_byte_too_many_is_noticed(self):
        done = self.answer(lambda data, count: data + b"x" if count >= 6400 else data)
        self.assertEqual(done.returncode, 1)
        self.assertIn("other bytes came back", done.stderr)

    def test_a_packet_that_comes_twice_is_noticed(self):
        done = self.answer(lambda data, count: data + data if count >= 6400 else data, traffic="broadcast")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "came twice|other bytes")

    def test_a_lost_connection_is_noticed(self):
        done = self.answer(lambda data, count: None if count >= 6400 else data)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "closed connection|reset")

    def test_silence_is_noticed(self):
        done = self.answer(lambda data, count: b"" if count >= 640 else data)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not answered", done.stderr)


if __name__ == "__main__":
    unittest.main()
