#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the examples of foreign protocols with load generators that are not ours, beside the servers they are for.

    python3 Benchmarks/foreign.py [--rounds N] [--requests N] [--examples DIR]

`redis-benchmark` drives docs/examples/KeyValue and redis-server, `wrk` drives docs/examples/Plaintext and nginx: one
thread each, server on one core, load generator on another, in turns. Shown are the median and the quartiles of the
ratio within a round, Gori divided by the other: requests for each second, and the processor time of the server for a
request. What is not installed is skipped by name (Debian: redis-server redis-tools wrk nginx-light).
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import network

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_DEADLINE = 10.0
NGINX = """
daemon off; worker_processes 1; error_log stderr crit; pid {directory}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_temp_path {directory};
    proxy_temp_path {directory}; fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
    server {{
        listen 127.0.0.1:{port};
        location = /plaintext {{ default_type text/plain; return 200 "Hello, World!"; }}
    }}
}}
"""


class Failure(Exception):
    """One line that says what went wrong."""


def find(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/usr/local/bin")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Server:
    """A server on one core, asked for its processor time."""

    def __init__(self, label, command, port, core, stack):
        self.label, self.port = label, port
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        stack.callback(self.stop)
        deadline = time.monotonic() + START_DEADLINE
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise Failure(f"{label} does not serve: {self.process.stderr.read().decode(errors='replace').strip()}")
            time.sleep(0.02)

    def processes(self):
        """This one and its children: nginx serves in a child."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [str(self.process.pid), *children]

    def processor_time(self):
        """Nanoseconds of all threads (proc_pid_schedstat: the first number)."""
        total = 0
        for pid in self.processes():
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()


def drive(command, core):
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if result.returncode != 0:
        raise Failure(f"{command[0]} ended with {result.returncode}: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def redis_slice(server, test, connections, depth, requests, core):
    """Requests for each second, and how many there were."""
    words = {"ping": "ping_mbulk"}.get(test, test)
    out = drive(
        ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-c", connections, "-P", depth, "-n", str(requests),
         "-d", "64", "-r", "10000", "-t", words, "--csv"], core)
    rows = [line.split(",") for line in out.splitlines() if line.startswith('"') and "test" not in line]
    if len(rows) != 1:
        raise Failure(f"redis-benchmark said {out!r}")
    return float(rows[0][1].strip('"')), requests


def wrk_slice(server, connections, depth, core, script):
    command = ["wrk", "-t", "1", "-c", connections, "-d", "1s"]
    if depth != "1":
        command += ["-s", script]
    out = drive([*command, f"http://127.0.0.1:{server.port}/plaintext", "--", depth], core)
    if "Non-2xx" in out or "Socket errors" in out:
        raise Failure(f"wrk saw errors of {server.label}: {out}")
    count = int(re.search(r"(\d+) requests in", out)[1])
    return float(re.search(r"Requests/sec:\s*([\d.]+)", out)[1]), count


def quartiles(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.3f} ({low:.3f}-{high:.3f})"


def compare(name, ours, other, measure, rounds, rows):
    """Measures both in turns, the order changing, and prints a row of ratios."""
    ratios, costs = [], []
    for index in range(rounds + 1):
        pair = {}
        for server in ((ours, other) if index % 2 == 0 else (other, ours)):
            before = server.processor_time()
            rate, count = measure(server)
            pair[server] = rate, (server.processor_time() - before) / count
        # The first round only warms up.
        if index:
            ratios.append(pair[ours][0] / pair[other][0])
            costs.append(pair[ours][1] / pair[other][1])
            last = pair
    row = f"| {name} | {quartiles(ratios)} | {quartiles(costs)} | {last[ours][1]:.0f} | {last[other][1]:.0f} |"
    print(row, flush=True)
    rows.append({"name": name, "throughput": ratios, "cpu": costs})


def header(ours, other):
    print(f"\n{ours} beside {other}\n")
    print(f"| | throughput | CPU per request | last: ns, {ours} | ns, {other} |\n|---|---|---|---|---|", flush=True)


def measure_redis(options, cores, rows):
    missing = [name for name in ("redis-server", "redis-benchmark") if not find(name)]
    if missing:
        return print(f"skipped: RESP: no {' or '.join(missing)} here (Debian: redis-server redis-tools)")
    for io in ("uring", "epoll"):
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            port = free_port()
            ours = Server(
                f"Gori ({io})", [options.examples / "KeyValue", "--listen", f"127.0.0.1:{port}", "--io", io], port,
                cores[0], stack)
            port = free_port()
            other = Server(
                "redis-server", ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                                 "--appendonly", "no", "--dir", directory], port, cores[0], stack)
            header(ours.label, other.label)
            for test in ("ping", "set", "get"):
                for connections, depth in ((50, 1), (500, 1), (50, 16)):
                    requests = options.requests * (4 if depth > 1 else 1)
                    compare(
                        f"{test}, {connections} connections, {depth} deep", ours, other,
                        lambda server: redis_slice(server, test, str(connections), str(depth), requests, cores[1]),
                        options.rounds, rows)


def measure_http(options, cores, rows):
    missing = [name for name in ("nginx", "wrk") if not find(name)]
    if missing:
        return print(f"skipped: HTTP: no {' or '.join(missing)} here (Debian: nginx-light wrk)")
    for io in ("uring", "epoll"):
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            script = pathlib.Path(directory) / "pipeline.lua"
            script.write_text(
                "init = function(args)\n  local r = {}\n  for i = 1, tonumber(args[1]) do r[i] = wrk.format() end\n"
                "  req = table.concat(r)\nend\nrequest = function() return req end\n")
            port = free_port()
            ours = Server(
                f"Gori ({io})", [options.examples / "Plaintext", "--listen", f"127.0.0.1:{port}", "--io", io], port,
                cores[0], stack)
            port = free_port()
            settings = pathlib.Path(directory) / "nginx.conf"
            settings.write_text(NGINX.format(directory=directory, port=port))
            other = Server(
                "nginx", [find("nginx"), "-p", directory, "-e", "stderr", "-c", str(settings)], port, cores[0], stack)
            header(ours.label, other.label)
            for connections, depth in ((50, 1), (500, 1), (50, 16)):
                compare(
                    f"plaintext, {connections} connections, {depth} deep", ours, other,
                    lambda server: wrk_slice(server, str(connections), str(depth), cores[1], script),
                    options.rounds, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=60_000, help="in one slice of redis-benchmark")
    parser.add_argument("--examples", type=pathlib.Path, default=ROOT / ".build/release")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    options.examples = options.examples.resolve()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise Failure("two cores are needed, one for the server and one for the load")
    network.enter()
    rows = []
    measure_redis(options, cores, rows)
    measure_http(options, cores, rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"foreign.py: {failure}")
