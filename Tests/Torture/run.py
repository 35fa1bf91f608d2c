#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the failure catalogue on real servers and writes the table into docs/faults.md.

    python3 Tests/Torture/run.py --gori PROGRAM --ring PROGRAM [--quick] [--io uring|epoll] [--row N]... [--out FILE]

Each row says what was done, what came of it, and a count that proves that the
failure happened: a row without one is red. The status is 1 if any row is red.
Rows run one after the other; some need root, for network namespaces.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
import traceback

import common
import rows_bytes
import rows_limits
import rows_names
import rows_peers

ROOT = common.HERE.parent.parent
BOTH, URING = ("uring", "epoll"), ("uring",)
# Number, trigger, what is right, function (None: in the program beside this), ports, whether it wants a network of
# its own.
ROWS = [
    (1, "receive buffers run out", "wait in order, lose nothing", None, URING, False),
    (2, "a buffer arrives for a stream that closes", "every buffer comes back", None, URING, False),
    (3, "the completion queue overflows", "nothing is lost", None, URING, False),
    (4, "a submit is refused with entries queued", "memory stays until it is settled", None, URING, False),
    (5, "slot and descriptor are reused at once", "nobody gets another's bytes", None, BOTH, False),
    (6, "closed with operations in flight", "the client sees the end", None, URING, False),
    (8, "two sends want to go out on one stream", "one at a time, in order", rows_bytes.two_sends, BOTH, True),
    (9, "sends and receives are cut short", "carried on where they stopped", rows_bytes.short_sends, BOTH, True),
    (10, "send memory is used again early", "the peer gets what was sent", None, URING, False),
    (11, "a mode of receiving loses an end of stream", "none over TCP", None, URING, False),
    (11, "a connection falls silent for good", "closed by the limit of idle time", rows_peers.idle_watchdog, BOTH,
     False),
    (12, "io_uring is denied", "epoll, and one line says why", rows_limits.ring_denied, BOTH, False),
    (13, "little memory may be locked", "serve all the same, and say so", rows_limits.memory_lock, BOTH, False),
    (14, "a worker stalls, another dies", "named; sessions end, the others go on", rows_limits.worker_dies, BOTH, False),
    (15, "the process forks", "the child has nothing of the port", None, BOTH, False),
    (16, "no descriptor is left", "who comes is refused, who plays plays on", rows_limits.no_descriptors, BOTH, False),
    (17, "clients do not read", "memory is bounded, they are ended", rows_peers.slow_readers, BOTH, False),
    (18, "peers vanish without a word", "reaped after three heartbeats", rows_peers.half_open, BOTH, True),
    (19, "connections end with resets", "no process, session or descriptor is lost", rows_bytes.reset_storm, BOTH, False),
    (20, "packets drip in byte by byte", "ended; the others play on", rows_peers.drippers, BOTH, False),
    (21, "one client floods", "the others play on", rows_peers.flooder, BOTH, False),
    (23, "one side ends first", "the other is heard to its end", rows_bytes.half_close, BOTH, False),
    (24, "addresses are in use, of one family, or missing", "both families, or a reason", rows_limits.addresses, BOTH,
     True),
    (25, "the resolver does not answer", "one line within the deadline", rows_names.blackhole, BOTH, True),
]


def ring_rows(program, port, quick, wanted):
    """The rows that need a hand inside the port, as {number: outcome}."""
    command = [program, "--io", port] + (["--quick"] if quick else [])
    for number in wanted:
        command += ["--row", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    outcomes = {}
    for line in done.stdout.splitlines():
        outcome = json.loads(line)
        outcomes[outcome["row"]] = outcome
    for number in wanted:
        outcomes.setdefault(number, {"text": "", "fired": {}, "failure": f"the program ended with {done.returncode}"})
    return outcomes


def run_one(function, setting):
    try:
        text, fired = function(setting)
        return {"text": text, "fired": fired, "failure": None}
    except (Exception, common.Failed) as error:  # Whatever it is, the other rows are run.
        traceback.print_exc()
        return {"text": "", "fired": {}, "failure": f"{type(error).__name__}: {error}".replace("\n", " ")}


def run_apart(index, options, port):
    """A row in a network namespace of its own."""
    command = ["unshare", "-n", "--mount", sys.executable, "-B", __file__, "--inside", str(index), "--io", port,
               "--gori", options.gori, "--ring", options.ring] + (["--quick"] if options.quick else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300)
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {"text": "", "fired": {}, "failure": "no network of its own (root?)"}


def inside(options):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(json.dumps(run_one(ROWS[options.inside][3], common.Setting(options.io[0], options.quick))))


def is_green(outcome):
    return outcome["failure"] is None and outcome["fired"] and all(outcome["fired"].values())


def cell(outcome):
    if outcome is None:
        return "—"
    if outcome["failure"]:
        return f"**RED**: {outcome['failure'][:300]}"
    counts = ", ".join(f"{name} {count:,}" for name, count in outcome["fired"].items())
    if not is_green(outcome):
        return f"**RED**: the trigger did not fire ({counts})"
    return f"{outcome['text']}. *{counts}*"


def table(results, options, seconds):
    revision = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    green = sum(is_green(outcome) for _, outcomes in results for outcome in outcomes.values())
    total = sum(len(outcomes) for _, outcomes in results)
    lines = [
        "# Faults survived", "",
        "What goes wrong with rings, sockets and peers, made to go wrong, and what Gori did. Written by `make torture`"
        + (" with `QUICK=1`, in smaller numbers" if options.quick else "") + "; do not edit.", "",
        f"- {datetime.date.today()}, revision {revision}, Linux {platform.release()}, {os.cpu_count()} processors, "
        f"{seconds / 60:.1f} minutes",
        f"- {green} of {total} green; a row is red when it fails, and when its trigger did not fire",
        "- the numbers in italics prove that the trigger fired: counters of the server "
        "([their meaning](counters.md)) or of the row",
        "- promises are printed beside what was measured; a row fails at ten times the promise, because clients and "
        "server share these processors",
        "- rerun: `make torture`, or one row with `make torture TORTURE_ARGS='--row 16'`", "",
        "| | trigger | right | io_uring | epoll |", "|---|---|---|---|---|",
    ]
    for (number, trigger, right, *_), outcomes in results:
        lines.append(
            f"| {number} | {trigger} | {right} | {cell(outcomes.get('uring'))} | {cell(outcomes.get('epoll'))} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gori", default=str(ROOT / ".build-torture/release/gori"))
    parser.add_argument("--ring", default=str(ROOT / ".build-torture/release/Torture"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--io", action="append", choices=BOTH)
    parser.add_argument("--row", type=int, action="append")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["GORI"] = options.gori
    if options.inside is not None:
        return inside(options)
    began = time.monotonic()
    ports = options.io or BOTH
    rows = [(index, row) for index, row in enumerate(ROWS) if not options.row or row[0] in options.row]
    results = [(row, {}) for _, row in rows]
    for port in ports:
        wanted = [row[0] for _, row in rows if row[3] is None and port in row[4]]
        ring = ring_rows(options.ring, port, options.quick, wanted) if wanted else {}
        for (index, row), (_, outcomes) in zip(rows, results):
            if port not in row[4]:
                continue
            start = time.monotonic()
            if row[3] is None:
                outcome = ring[row[0]]
            elif row[5]:
                outcome = run_apart(index, options, port)
            else:
                outcome = run_one(row[3], common.Setting(port, options.quick))
            outcomes[port] = outcome
            state = "green" if is_green(outcome) else "RED  "
            print(f"{state} {row[0]:2} {port:5} {time.monotonic() - start:5.1f} s  {cell(outcome)}", flush=True)
    text = table(results, options, time.monotonic() - began)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    red = sum(not is_green(outcome) for _, outcomes in results for outcome in outcomes.values())
    print(f"{red} red, {(time.monotonic() - began) / 60:.1f} minutes")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
