#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `gori echo` beside the C reference and prints ratios.

    python3 Benchmarks/run.py [--rounds N] [--scenarios c50,p50d16] [--gori PATH]
    python3 Benchmarks/run.py --io epoll    over epoll, beside the reference that uses it
    python3 Benchmarks/run.py --self        the reference against itself: what is noise here?
    python3 Benchmarks/run.py --reference COMMAND --candidate COMMAND    any two servers
    python3 Benchmarks/run.py --list

Both servers run on one core, the load drivers on another, and in each rotation both are measured for a short slice,
in alternating order. A ratio is taken within a rotation; the table shows its median and the 95 % interval of that.
`make reference` builds the C programs.
"""

import argparse
import contextlib
import ctypes
import json
import math
import os
import pathlib
import selectors
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import network

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / "Benchmarks" / ".out"
START_DEADLINE = 10.0
# A slice ends by itself, after at most 2 s of waiting for answers; the rest is for a busy machine.
SLICE_GRACE = 15.0
# A rotation in which another process had one of our cores for a larger share of a slice is measured again.
DISTURBED = 0.1
PATIENCE = 2

# Name: mode, connections, messages under way on each, size in bytes (of the largest packet in `packet`), group.
SCENARIOS = {
    "c1": ("echo", 1, 1, 64, 10),
    "c50": ("echo", 50, 1, 64, 10),
    "c500": ("echo", 500, 1, 64, 10),
    "c50d16": ("echo", 50, 16, 64, 10),
    "c500d16": ("echo", 500, 16, 64, 10),
    "c50s16k": ("echo", 50, 1, 16384, 10),
    "p50": ("packet", 50, 1, 200, 10),
    "p50d16": ("packet", 50, 16, 200, 10),
    "b100g10": ("broadcast", 100, 1, 64, 10),
    "b200g50": ("broadcast", 200, 1, 64, 50),
    "churn": ("churn", 16, 1, 64, 10),
    "churn50": ("churn", 50, 1, 64, 10),
}

REFERENCE = "{built}/echo_{io} --mode {mode} --group {group}"
GORI = "{gori} echo --listen 127.0.0.1:0 --io {io} --workers 1 --mode {mode} --group {group}"


libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def prepare(core):
    """In the child: ends with us, however we end, and runs on its core."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if core is not None:
        os.sched_setaffinity(0, {core})


class Failure(Exception):
    """One line that says what went wrong."""


class Program:
    """A child process whose standard output is read line by line, with a deadline for each line."""

    goes_first = False

    def __init__(self, command, core=None, stdin=subprocess.DEVNULL):
        self.name = os.path.basename(command[0])
        self.complaints = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=self.complaints,
                start_new_session=True, preexec_fn=lambda: prepare(core))
        except OSError as error:
            raise Failure(f"cannot start {command[0]}: {error.strerror}") from None
        if Program.goes_first:
            # A session is a scheduling group of its own (sched(7), autogroup).
            with contextlib.suppress(OSError):
                pathlib.Path(f"/proc/{self.process.pid}/autogroup").write_text("-20")
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.unread = b""

    def line(self, seconds):
        """The next line, without its end."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not self.selector.select(left):
                raise Failure(f"{self.name} said nothing for {seconds:.0f} s{self.last_words()}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failure(f"{self.name} ended{self.last_words()}")
            self.unread += data
        line, _, self.unread = self.unread.partition(b"\n")
        return line.decode(errors="replace")

    def tell(self, text):
        try:
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Failure(f"{self.name} ended{self.last_words()}") from None

    def last_words(self):
        self.complaints.seek(0)
        lines = self.complaints.read().decode(errors="replace").strip().splitlines()
        return ": " + lines[-1] if lines else ""

    def stop(self):
        """Ends this process and no other; asks first, so that a server can say good-bye."""
        self.process.terminate()
        try:
            self.process.wait(6)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.selector.close()
        self.process.stdout.close()
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.complaints.close()


def all_accepted(port, connections):
    """Whether so many clients are connected to a port of this machine, and none waits in the listener's backlog."""
    clients, listening, waiting = 0, False, 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), open(table) as rows:
            for row in list(rows)[1:]:
                _, local, remote, state, queues = row.split()[:5]
                if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                    listening = True
                    # Of a listener this is the number that it has not accepted.
                    waiting += int(queues.rpartition(":")[2], 16)
                elif state == "01" and int(remote.rpartition(":")[2], 16) == port:
                    clients += 1
    return listening and waiting == 0 and clients == connections


class Side:
    """A server and the driver that is connected to it. Nothing else ever connects: groups form in order of arrival."""

    def __init__(self, label, command, scenario, cores, stack):
        mode, connections, depth, size, group = scenario
        self.label = label
        self.slices = []
        server = Program(command, cores[0])
        stack.callback(server.stop)
        port = None
        while (line := server.line(START_DEADLINE)) != "ready":
            word, _, address = line.partition(" ")
            if word == "listening":
                port = address.rpartition(":")[2]
        if port is None:
            raise Failure(f"{label} was ready without a line `listening ADDR`")
        words = {"port": port, "pid": server.process.pid, "connections": connections, "size": size}
        if mode != "churn":
            words |= {"mode": mode, "depth": depth, "group": group, "commands": 1}
        if cores[1] is not None:
            words["cpu"] = cores[1]
        driver = [str(BUILT / ("churn" if mode == "churn" else "load"))] + [str(x) for name, value in words.items() for x in (f"--{name}", value)]
        self.driver = Program(driver, cores[1], stdin=subprocess.PIPE)
        stack.callback(self.driver.stop)
        if mode != "churn":
            self.wait_until_accepted(int(port), connections)

    def wait_until_accepted(self, port, connections):
        """Who joins a group late has missed what was said before, and the driver would wait for it."""
        deadline = time.monotonic() + START_DEADLINE
        while not all_accepted(port, connections):
            if time.monotonic() > deadline:
                raise Failure(f"{self.label} did not accept {connections} connections in {START_DEADLINE:.0f} s")
            time.sleep(0.01)

    def slice(self, warmup, seconds):
        self.driver.tell(f"{warmup} {seconds}")
        result = json.loads(self.driver.line(warmup + seconds + SLICE_GRACE))
        bad = result["mismatches"] + result["errors"] + result["unanswered"]
        if bad:
            raise Failure(f"{self.label}: {result['mismatches']} mismatches, {result['errors']} errors, "
                          f"{result['unanswered']} unanswered{self.driver.last_words()}")
        return result

    def median(self, key):
        return statistics.median(entry[key] for entry in self.slices)


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def interval(values):
    """The 95 % interval of the median, by order statistics: no shape of the values is assumed.

    Each value lies below the true median as often as a coin shows heads, so the interval leaves out as many at either
    end as 2.5 % of so many throws allow. Of fewer than 6 values none can be left out.
    """
    ordered = sorted(values)
    left_out, chance = 0, 0.5 ** len(ordered)
    while chance <= 0.025:
        left_out += 1
        chance += math.comb(len(ordered), left_out) * 0.5 ** len(ordered)
    left_out = max(0, left_out - 1)
    return ordered[left_out], ordered[-1 - left_out]


def measure(name, commands, options, cores):
    """One scenario: both servers up, slices in turn, ratios within each rotation."""
    scenario = SCENARIOS[name]
    with contextlib.ExitStack() as stack:
        mode = "echo" if scenario[0] == "churn" else scenario[0]
        words = {"built": BUILT, "gori": options.gori, "io": options.io, "mode": mode, "group": scenario[4]}
        reference, candidate = (
            Side(label, [word.format(**words) for word in shlex.split(command)], scenario, cores, stack)
            for label, command in commands)
        # The first slices are thrown away: connections are opened, pages touched and code compiled in them.
        for side in (reference, candidate):
            side.slice(options.settle, options.slice)
        kept = disturbed = noisy = 0
        while kept < options.rounds:
            # The order changes, so that what lasts a while does not always hit the same side.
            pair = (reference, candidate) if kept % 2 == 0 else (candidate, reference)
            results = [side.slice(options.warmup, options.slice) for side in pair]
            quiet = all(result["messages"] and result["without_core"] <= DISTURBED for result in results)
            # On a machine that is never quiet the rest is taken as it comes, and the table says so.
            if not quiet and (disturbed < PATIENCE * options.rounds or not all(r["messages"] for r in results)):
                disturbed += 1
                if disturbed > 2 * PATIENCE * options.rounds:
                    raise Failure("other processes leave the driver no core")
                continue
            kept += 1
            noisy += not quiet
            for side, result in zip(pair, results):
                side.slices.append(result)
    row = {"scenario": name, "rotations": kept, "disturbed": disturbed, "noisy": noisy}
    for key, field in (("throughput", "messages_per_second"), ("cpu", "server_ns_per_message")):
        ratios = [b[field] / a[field] for a, b in zip(reference.slices, candidate.slices)]
        row[key] = quartiles(ratios)
        row[f"{key}_interval"] = interval(ratios)
    for side, label in ((reference, "reference"), (candidate, "candidate")):
        row[label] = {field: side.median(field) for field in (
            "messages_per_second", "server_ns_per_message", "server_share", "p50_us", "p99_us")}
    return row


def ratio(row, key):
    """A row's median and its interval, in words; `key` is `cpu` or `throughput`."""
    return f"{row[key][1]:6.3f} ({row[f'{key}_interval'][0]:.3f}-{row[f'{key}_interval'][1]:.3f})"


def show(row):
    a, b = row["reference"], row["candidate"]
    print(f"{row['scenario']:8} {ratio(row, 'throughput')}  {ratio(row, 'cpu')} "
          f"{a['messages_per_second']:10.0f} {b['messages_per_second']:10.0f} "
          f"{a['server_ns_per_message']:7.0f} {b['server_ns_per_message']:7.0f} "
          f"{a['p50_us']:8.0f} {b['p50_us']:8.0f} {a['p99_us']:8.0f} {b['p99_us']:8.0f} {row['disturbed']:9}"
          + (f"  {row['noisy']} of {row['rotations']} rotations are noisy" if row["noisy"] else ""))
    sys.stdout.flush()


def pick_cores():
    """A core for the servers and one for the drivers; on a machine with one core nothing is pinned."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=24, help="rotations of each scenario (default 24)")
    parser.add_argument("--scenarios", "--scen", default=",".join(SCENARIOS), metavar="NAMES")
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"), metavar="PATH")
    parser.add_argument("--candidate", metavar="COMMAND",
                        help="another server instead of gori; {mode} and {group} stand for the scenario's")
    parser.add_argument("--reference", metavar="COMMAND", default=REFERENCE,
                        help="another server instead of the reference of C, in the same form")
    parser.add_argument("--io", choices=("uring", "epoll"), default="uring",
                        help="the completion port, and the reference of its kind (default uring)")
    parser.add_argument("--self", action="store_true", help="measure the reference against itself")
    parser.add_argument("--slice", type=float, default=0.15, metavar="S")
    parser.add_argument("--warmup", type=float, default=0.05, metavar="S", help="before each slice")
    parser.add_argument("--settle", type=float, default=0.05, metavar="S", help="before the first slice of each server")
    parser.add_argument("--priority", action="store_true",
                        help="go before everything else on this machine (as root); starves it meanwhile")
    parser.add_argument("--json", metavar="FILE", help="write the rows there as well (-: standard output)")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    options = parser.parse_args()
    options.scenarios = options.scenarios.split(",")
    unknown = [name for name in options.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]}; there are {', '.join(SCENARIOS)}")
    if options.rounds < 1:
        parser.error("--rounds wants 1 or more")
    return options


def main():
    options = arguments()
    if options.list:
        for name, (mode, connections, depth, size, group) in SCENARIOS.items():
            if mode == "churn":
                print(f"{name:8} connect, echo {size} bytes, close: {connections} connections side by side")
                continue
            print(f"{name:8} {mode}: {connections} connections, {depth} under way on each, {size} bytes"
                  + (f", groups of {group}" if mode == "broadcast" else ""))
        return 0
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, frame: sys.exit(128 + number))
    candidate = options.reference if options.self else options.candidate or GORI
    label = "reference again" if options.self else "candidate" if options.candidate else "gori"
    commands = (("reference", options.reference), (label, candidate))
    Program.goes_first = options.priority
    network.enter()
    cores = pick_cores()
    if cores[0] is None:
        print("one core only: servers and drivers share it, so read the figures with care", file=sys.stderr)
    print(f"{label} / reference, {options.io}, {options.rounds} rotations of {options.slice} s slices: "
          "median (95 % interval)")
    print(f"{'':8} {'throughput':^22}  {'CPU per message':^22} {'messages/s':>21} {'CPU ns':>15} "
          f"{'p50 us':>17} {'p99 us':>17} {'disturbed':>9}")
    rows = []
    try:
        for name in options.scenarios:
            rows.append(measure(name, commands, options, cores))
            show(rows[-1])
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if options.json and rows:
            text = json.dumps(rows, indent=1)
            print(text) if options.json == "-" else pathlib.Path(options.json).write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
