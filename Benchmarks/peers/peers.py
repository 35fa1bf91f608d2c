#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other servers that do what `gori echo` does, and how Gori compares with them.

    python3 Benchmarks/peers/peers.py [build] [--install] [NAME]...    build what this machine can
    python3 Benchmarks/peers/peers.py list [--json FILE]               what there is, with versions
    python3 Benchmarks/peers/peers.py run [--rounds N] [--scenarios c50,p50d16] [NAME]...

`run` lets each peer take turns with `gori echo`, in the way of Benchmarks/run.py, and prints ratios: Gori divided by
peer. `build` also writes what `list --json` does to Benchmarks/.out/peers/peers.json, where `gori study --peers` looks.
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import network  # noqa: E402
import run as bench  # noqa: E402
from catalogue import BUILT, VENV, peers  # noqa: E402

LIST = BUILT / "peers.json"
SCENARIOS = "c50,c50d16,p50d16,b100g10"


def say(text):
    print(text, flush=True)


def run(command, folder=None):
    """None, or what a command that failed said last."""
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=folder, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()] or lines[-1:]
    return telling[0] if telling else f"{command[0]} ended with {done.returncode}"


# ---- install and build

def install(chosen):
    """Asks Debian and PyPI for what is missing. What cannot be had is told by `build`."""
    missing = [need for peer in chosen for need in peer.missing()]
    debian = sorted({need.debian for need in missing if need.debian})
    if debian:
        root = [] if os.geteuid() == 0 else ["sudo"]
        say("+ apt-get install " + " ".join(debian))
        get = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        failure = run([*get, "update"]) or run([*get, "install", "-y", "--no-install-recommends", *debian])
        if failure:
            say(f"apt-get: {failure}")
    pypi = sorted({need.pypi for need in missing if need.pypi})
    if pypi:
        say("+ pip install " + " ".join(pypi))
        failure = run([sys.executable, "-m", "venv", VENV]) or run(
            [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", *pypi])
        if failure:
            say(f"pip: {failure}")


def why_not_built(peer, jobs):
    """Builds what is not fresh; None when it worked."""
    missing = peer.missing()
    if missing:
        need = missing[0]
        origin = f"Debian: {need.debian}" if need.debian else f"PyPI: {need.pypi}" if need.pypi else ""
        return f"no {need.what} here" + (f" ({origin})" if origin else "")
    if peer.is_fresh():
        return None
    BUILT.mkdir(parents=True, exist_ok=True)
    for command in peer.build(jobs):
        failure = run(command, peer.folder)
        if failure:
            return failure
    if not peer.product.exists():
        return f"the build left no {peer.product.name}"
    # A build that found nothing to do leaves the old time.
    os.utime(peer.product)
    return None


def build(options):
    if options.install:
        install(options.peers)
        # Where uvloop is, for one, is another question now.
        options.peers = chosen(options, [peer.name for peer in options.peers])
    built = 0
    for peer in options.peers:
        reason = why_not_built(peer, options.jobs)
        built += reason is None
        say(f"skipped {peer.name}: {reason}" if reason else f"built {peer.name}: {peer.version()}")
    # All that there are, whichever were asked for now.
    write(listing(peers()), LIST)
    return 0 if built else 1


def missing_of(peer):
    """Why a peer cannot be started; None when it can."""
    missing = ", ".join(need.what for need in peer.missing())
    return f"no {missing} here" if missing else None if peer.is_built() else "not built"


def listing(chosen):
    """What `gori study --peers` reads: what can be started here, how, and what cannot, and why."""
    reasons = {peer.name: missing_of(peer) for peer in chosen}
    return {
        "schema": "gori-peers-1",
        "peers": [{
            "name": peer.name, "version": peer.version(), "command": runnable(peer.command()),
            "settleSeconds": peer.settle, "needsUring": peer.needs_uring,
        } for peer in chosen if reasons[peer.name] is None],
        "skipped": [{"name": name, "reason": reason} for name, reason in reasons.items() if reason],
    }


def runnable(command):
    """With the program by its path."""
    return [str(pathlib.Path(shutil.which(command[0]) or command[0]).absolute()), *command[1:]]


def write(listing, path):
    text = json.dumps(listing, indent=2) + "\n"
    if str(path) == "-":
        print(text, end="")
        return
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def show_list(options):
    if options.json:
        write(listing(options.peers), options.json)
        return 0
    for peer in options.peers:
        say(f"{peer.name:12} {missing_of(peer) or peer.version()}")
    return 0


# ---- compare

def show(name, row):
    peer, gori = row["reference"], row["candidate"]
    say(f"{row['scenario']:8} {name:11} {bench.ratio(row, 'cpu')}  {bench.ratio(row, 'throughput')} "
        f"{gori['server_ns_per_message']:8.0f} {peer['server_ns_per_message']:8.0f} "
        f"{gori['messages_per_second']:10.0f} {peer['messages_per_second']:10.0f}"
        + (f"  {row['noisy']} of {row['rotations']} rotations are noisy" if row["noisy"] else ""))


def compare(options):
    ready = [peer for peer in options.peers if peer.is_built()]
    for peer in options.peers:
        if peer not in ready:
            say(f"skipped {peer.name}: not built")
    network.enter()
    cores = bench.pick_cores()
    say(f"gori / peer, {options.io}, {options.rounds} rotations: median (95 % interval); load {os.getloadavg()[0]:.1f}")
    say(f"{'':8} {'':11} {'CPU per message':^22}  {'throughput':^22} {'CPU ns: gori':>12} {'peer':>4} "
        f"{'msg/s: gori':>14} {'peer':>6}")
    failures = 0
    for scenario in options.scenarios:
        for peer in ready:
            options.settle = peer.settle
            commands = ((peer.name, shlex.join(peer.command())), ("gori", bench.GORI))
            try:
                show(peer.name, bench.measure(scenario, commands, options, cores))
            except bench.Failure as failure:
                failures += 1
                say(f"{scenario:8} {peer.name:11} {failure}")
    return 1 if failures or not ready else 0


# ---- the command line

def chosen(options, names):
    known = {peer.name: peer for peer in peers()}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no peer {unknown[0]}; there are {', '.join(known)}")
    return [known[name] for name in names or known]


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, action in (("build", build), ("list", show_list), ("run", compare)):
        part = verbs.add_parser(verb)
        part.set_defaults(action=action)
        part.add_argument("names", nargs="*", metavar="NAME", help="peers (default: all)")
        if verb == "build":
            part.add_argument("--install", action="store_true", help="get what is missing from Debian and PyPI")
            part.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
        if verb == "list":
            part.add_argument("--json", metavar="FILE", help="write it for gori study --peers; - is standard output")
        if verb == "run":
            part.add_argument("--rounds", type=int, default=12, help="rotations of each pair (default 12)")
            part.add_argument("--scenarios", default=SCENARIOS, metavar="NAMES", help=f"(default {SCENARIOS})")
            part.add_argument("--gori", default=str(bench.ROOT / ".build/release/gori"), metavar="PATH")
            part.add_argument("--io", choices=("uring", "epoll"), default="uring", help="of gori (default uring)")
            part.add_argument("--slice", type=float, default=0.15, metavar="S")
            part.add_argument("--warmup", type=float, default=0.05, metavar="S", help="before each slice")
    if not words or words[0] not in ("build", "list", "run", "-h", "--help"):
        words = ["build", *words]
    options = parser.parse_args(words)
    options.peers = chosen(options, options.names)
    if options.verb == "run":
        options.scenarios = options.scenarios.split(",")
        unknown = [name for name in options.scenarios if name not in bench.SCENARIOS]
        if unknown or options.rounds < 1:
            parser.error(f"no scenario {unknown[0]}" if unknown else "--rounds wants 1 or more")
    return options


def main():
    # So that the servers are ended, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    options = arguments(sys.argv[1:])
    try:
        return options.action(options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
