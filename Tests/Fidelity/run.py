#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what this machine's kernel does on both ports, and whether the simulated one may do it: `make fidelity`.

    python3 Tests/Fidelity/run.py [--seconds 600] [--seeds 20000] [--update]

Recorded are the tests of `Overlapped`, with the conformance suite on every
port; `gori serve` with `gori bots` for so many seconds, over io_uring and over
epoll at the same time; and the end-to-end tests about connections. What they must be
among is made on the spot, by seeds of callers and of the engine. The programs
are those of .build-torture and .build/debug, which have recorders.

With --update the set that `make test` compares by is written anew.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

import compare

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "EndToEnd"))
import server as servers  # noqa: E402

PROGRAMS = ROOT / ".build-torture" / "release"
OUT = ROOT / ".build-torture" / "fidelity"
COMMITTED = HERE / "transitions.txt"
# How servers are started over each port, what bots play there, and for how much of the time.
PORTS = {
    "uring": [
        ((), "course", 0.4), (("--disable-features", "all"), "course", 0.2), (("--direct-descriptors",), "course", 0.2),
        ((), "storm", 0.2),
    ],
    "epoll": [((), "course", 0.8), ((), "storm", 0.2)],
}
BOTS = 200
# The end-to-end tests that are about connections, by words of their names.
END_TO_END = (
    "broadcast", "clos", "descriptors", "echo", "heartbeat", "opening", "takeover", "violations", "workers",
)
# One seed of the engine for so many of callers: each is as long as some of those.
ENGINE_SHARE = 10
# One in so many transitions of the committed set may be no more.
LOSS = 5


class Failure(Exception):
    """Something that was to be recorded did not run as it should."""


def run(what, command, recorded, must_pass=True, **environment):
    """Runs a program whose ports record into a file. Its output is shown if it fails and must not."""
    began = time.monotonic()
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
        env={**os.environ, **environment, "GORI_TRANSITIONS": str(recorded)})
    state = "" if done.returncode == 0 else f", ended with {done.returncode}"
    print(f"{what}: {time.monotonic() - began:.0f} s{state}", flush=True)
    if must_pass and done.returncode != 0:
        raise Failure(f"{what} ended with {done.returncode}:\n{done.stdout[-4_000:]}")


def fresh(name):
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / name
    path.unlink(missing_ok=True)
    return path


def simulate(seeds):
    recorded = fresh("simulated.txt")
    run(f"{seeds} seeds of callers", [PROGRAMS / "Callers", "--seeds", seeds], recorded)
    engine = max(1, seeds // ENGINE_SHARE)
    run(f"{engine} seeds of the engine", [PROGRAMS / "Simulate", "--seeds", engine], recorded)
    return recorded


def record_tests(swift):
    recorded = fresh("tests.txt")
    run("tests of Overlapped, on all ports", [*swift, "test", "--skip-build", "--filter", "OverlappedTests"], recorded,
        GORI_TEST_LEVEL="quick")
    return recorded


def record_bots(port, seconds):
    recorded = fresh(f"bots-{port}.txt")
    options = ("--listen", "127.0.0.1:0", "--io", port, "--monsters", 500, "--database", "off")
    for more, scenario, share in PORTS[port]:
        with servers.Server(
            "serve", *options, *more, program=str(PROGRAMS / "gori"), environment={"GORI_TRANSITIONS": str(recorded)}
        ) as server:
            host, number = server.address
            run(" ".join(("bots over", port, *more, scenario)),
                [PROGRAMS / "gori", "bots", "--connect", f"{host}:{number}", "--io", port, "--count", BOTS,
                 "--scenario", scenario, "--duration", max(1, round(seconds * share))], recorded)
    return recorded


def record_end_to_end():
    """Some of these have deadlines, and fail on a busy machine; that is for `make test` to say."""
    recorded = fresh("end-to-end.txt")
    run("end-to-end tests", [sys.executable, "-B", "Tests/EndToEnd/run.py", "--jobs", 2, *END_TO_END], recorded,
        must_pass=False, GORI=str(PROGRAMS / "gori"), GORI_DEBUG=str(PROGRAMS / "gori"))
    return recorded


def record(options):
    """Everything that is recorded on this machine's kernel."""
    with concurrent.futures.ThreadPoolExecutor(len(PORTS)) as pool:
        bots = list(pool.map(lambda port: record_bots(port, options.seconds), PORTS))
    return [record_tests(options.swift.split()), *bots, record_end_to_end()]


def outdated(simulated):
    """Whether the committed set is another model's: what is rare changes with every change of what is drawn."""
    committed = compare.transitions(compare.read(COMMITTED, "simulated"))
    lost = committed - compare.transitions(simulated)
    print(f"{COMMITTED.name}: {len(committed)} transitions, of which these seeds do not do {len(lost)}")
    if len(lost) * LOSS <= len(committed):
        return []
    return [f"{COMMITTED.name} is out of date: make fidelity UPDATE=1"]


def update(simulated):
    texts = sorted(compare.transitions(simulated))
    COMMITTED.write_text("# What the simulated kernel can do: made by `make fidelity UPDATE=1`.\n"
                         + "".join(f"{text}\n" for text in texts))
    print(f"{COMMITTED.relative_to(ROOT)}: {len(texts)} transitions")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="of bots, on each port, both at the same time")
    parser.add_argument("--seeds", type=int, default=20_000, help="of callers")
    parser.add_argument("--swift", default="swift", help="the command that runs tests")
    parser.add_argument("--update", action="store_true", help="write the committed set anew")
    options = parser.parse_args()
    try:
        simulated = compare.read(simulate(options.seeds), "simulated")
        if options.update:
            update(simulated)
        real = compare.read_all(record(options), "real")
    except (Failure, OSError, ValueError, servers.ServerError) as error:
        sys.exit(f"fidelity: {error}")
    wrong = compare.report(simulated, real) + outdated(simulated)
    for line in wrong:
        print(f"FIDELITY: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
