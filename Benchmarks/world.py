#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the world under load: starts `gori serve`, lets `gori bots` play a scenario, and prints what it cost.

    python3 Benchmarks/world.py [--scenario course|hotspot|storm] [--count N] [--monsters N] [--seconds 20]
                                [--settled N] [--ramp N] [--workers N] [--io uring|epoll] [--spawn-area N]
                                [--server-cores 0,1] [--bots-cores 0,1] [--priority] [--gori PATH] [--json FILE]

Server and bots share all cores unless they are told to keep to some. What the server takes and counts is read when all
bots play and when they stop, from its counters and /proc: entering, leaving and the wave of `storm` are not in it, but
for the delays of a storm, which are of the wave. Ends with status 1 if a check of the bots failed.
"""

import argparse
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading

import network

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What is measured when nothing else is asked for: (bots, monsters, what else the server is told).
SCENARIOS = {
    "course": (5_000, 20_000, ()),
    "hotspot": (1_000, 0, ("--spawn-area", "8")),
    "storm": (15_000, 0, ()),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"))
    parser.add_argument("--scenario", default="course", choices=tuple(SCENARIOS))
    parser.add_argument("--count", type=int)
    parser.add_argument("--monsters", type=int)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--settled", type=int)
    parser.add_argument("--ramp", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--io", default="auto", choices=("auto", "uring", "epoll"))
    parser.add_argument("--spawn-area", type=int)
    parser.add_argument("--server-cores", type=cores, help="as 0 or 0,1")
    parser.add_argument("--bots-cores", type=cores, help="as 1 or 0,1")
    parser.add_argument("--priority", action="store_true",
                        help="go before everything else on this machine (as root), for one that is not quiet")
    parser.add_argument("--json", help="write what was measured to this file")
    options = parser.parse_args()
    count, monsters, _ = SCENARIOS[options.scenario]
    options.count = count if options.count is None else options.count
    options.monsters = monsters if options.monsters is None else options.monsters
    return options


def cores(text):
    return {int(core) for core in text.split(",")}


def preparation(options, chosen):
    """What a child does before it becomes the program."""
    def prepare():
        if chosen:
            os.sched_setaffinity(0, chosen)
        if options.priority:
            # A session is a scheduling group of its own (sched(7), autogroup): a nice value counts within it.
            os.setsid()
            pathlib.Path("/proc/self/autogroup").write_text("-20")

    return prepare


def status(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    sys.exit(f"no {name} in the status of {pid}")


class Server:
    """A running `gori serve`; its standard error is read all the time, because it may log a lot."""

    def __init__(self, options):
        command = [options.gori, "serve", "--listen", "127.0.0.1:0", "--database", "off", "--io", options.io,
                   "--monsters", str(options.monsters),
                   "--maximum-sessions", str(options.count + (options.settled or 500) + 100)]
        if options.spawn_area is None:
            command += SCENARIOS[options.scenario][2]
        else:
            command += ["--spawn-area", str(options.spawn_area)]
        if options.workers:
            command += ["--workers", str(options.workers)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=preparation(options, options.server_cores))
        self.counted = []
        self.log = []
        self.has_counted = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.port = None
        for line in self.process.stdout:
            if line.startswith("listening "):
                self.port = int(line.rsplit(":", 1)[1])
            if line == "ready\n":
                return
        sys.exit(f"{' '.join(command)} did not start: {''.join(self.log)}")

    def _read(self):
        for line in self.process.stderr:
            with self.has_counted:
                (self.counted if line.startswith('{"port"') else self.log).append(line)
                self.has_counted.notify_all()

    def counters(self):
        with self.has_counted:
            known = len(self.counted)
            self.process.send_signal(signal.SIGUSR1)
            if not self.has_counted.wait_for(lambda: len(self.counted) > known, timeout=10):
                sys.exit("the server did not tell its counters within 10 s")
            return json.loads(self.counted[-1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


class Sight:
    """What the server has counted and used at one moment."""

    def __init__(self, server):
        pid = server.process.pid
        ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        self.processor = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        counters = server.counters()
        self.port, self.workers = counters["port"], counters["workers"]
        self.world = {name: sum(worker[name] for worker in counters["world"]) for name in counters["world"][0]}
        # Every worker counts every tick.
        self.ticks = max(worker["ticks"] for worker in counters["world"])


def play(options, server):
    """Runs the bots; their report, and the server's state when all played and when they stopped."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "report.json"
        command = [options.gori, "bots", "--connect", f"127.0.0.1:{server.port}", "--scenario", options.scenario,
                   "--count", str(options.count), "--duration", str(options.seconds), "--json", str(path)]
        for name in ("ramp", "settled"):
            if getattr(options, name) is not None:
                command += [f"--{name}", str(getattr(options, name))]
        bots = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=preparation(options, options.bots_cores))
        sights = {}
        try:
            for line in bots.stderr:
                print("  " + line, end="", flush=True)
                phase = line.rstrip("\n").partition(":")[0]
                if phase in ("playing", "played"):
                    sights[phase] = Sight(server)
            code = bots.wait(timeout=60)
        finally:
            bots.kill()
            bots.wait()
        if not path.exists() or len(sights) != 2:
            sys.exit(f"the bots ended with {code} and without a report")
        return json.loads(path.read_text()), sights["playing"], sights["played"], code


def quotient(dividend, divisor, digits=1):
    return round(dividend / divisor, digits) if divisor else 0


def measure(options, server, report, begin, end):
    def rise(part, name):
        return getattr(end, part)[name] - getattr(begin, part)[name]

    seconds = options.seconds
    processor = end.processor - begin.processor
    deliveries = report["deliveries_per_second"] * seconds
    ticks = end.ticks - begin.ticks
    return {
        "scenario": options.scenario, "count": options.count, "monsters": options.monsters, "seconds": seconds,
        "delay": report["delay"],
        **{key: report[key] for key in ("entry_delay", "coming_seconds", "settled_before", "settled_during")
           if key in report},
        "moves_per_second": report["moves_per_second"],
        "sends_per_second": quotient(rise("workers", "sends"), seconds),
        "ns_per_send": quotient(processor * 1e9, rise("workers", "sends")),
        "deliveries_per_second": report["deliveries_per_second"],
        "ns_per_delivery": quotient(processor * 1e9, deliveries),
        "bytes_per_second": report["bytes_per_second"],
        "server_cores": quotient(processor, seconds, 3),
        "bots_cores": report["playing_cores"],
        "bots_ns_per_delivery": quotient(report["playing_cores"] * seconds * 1e9, deliveries),
        "bots_lateness_ms": report["lateness_ms"],
        "peak_resident": status(server.process.pid, "VmHWM"),
        "lost": report["lost"],
        "disconnected": report["disconnected"],
        "ticks": ticks,
        # Since the server started: a wave of logins is before all play.
        "late_ticks": end.world["late"],
        "late_ticks_playing": rise("world", "late"),
        "encodes_per_tick": quotient(rise("world", "encodes"), ticks),
        "bytes_backlogged_per_delivery": quotient(rise("workers", "bytesBacklogged"), deliveries, 3),
        "slow_readers": end.workers["slowReaders"],
        "monster_steps_per_second": quotient(rise("world", "monsterSteps"), seconds),
    }


def show(row):
    def delays(key):
        return ", ".join(f"{name} {row[key][name]:.1f}" for name in ("p50", "p99", "max")) + " ms"

    print(f"{row['scenario']}: {row['count']} bots, {row['monsters']} monsters "
          f"({row['monster_steps_per_second']:.0f} steps/s), {row['seconds']} s")
    print(f"delay of moves: {delays('delay')}; {row['moves_per_second']:.0f} answered/s")
    if "settled_before" in row:
        print(f"of the settled, before the wave: {delays('settled_before')}")
        print(f"of the settled, during the wave: {delays('settled_during')}")
    print(f"entering: {delays('entry_delay')}; all there after {row['coming_seconds']:.1f} s")
    print(f"sends: {row['sends_per_second']:.0f}/s, {row['ns_per_send']:.0f} ns of the server each")
    print(f"deliveries: {row['deliveries_per_second']:.0f}/s ({row['bytes_per_second'] / 1e6:.1f} MB/s), "
          f"{row['ns_per_delivery']:.0f} ns of the server and {row['bots_ns_per_delivery']:.0f} ns of the bots each, "
          f"{row['bytes_backlogged_per_delivery']} bytes of each copied")
    print(f"cores: server {row['server_cores']:.2f}, bots {row['bots_cores']:.2f} of {os.cpu_count()}; "
          f"bots late by {row['bots_lateness_ms']} ms at worst; server's peak {row['peak_resident'] / 2**20:.0f} MiB")
    print(f"ticks: {row['ticks']}, {row['late_ticks_playing']} late ({row['late_ticks']} since the start), "
          f"{row['encodes_per_tick']:.0f} encodes each")
    print(f"lost {row['lost']}, disconnected {row['disconnected']}, slow readers {row['slow_readers']}")


def main():
    options = arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    network.enter()
    server = Server(options)
    try:
        report, begin, end, code = play(options, server)
        row = measure(options, server, report, begin, end)
    except BaseException:
        print("".join(server.log[-20:]), file=sys.stderr)
        raise
    finally:
        ended = server.stop()
    show(row)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(row, indent=2) + "\n")
    return 0 if code == 0 and ended == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
