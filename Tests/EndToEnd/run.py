#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end tests, several modules at a time.

    python3 Tests/EndToEnd/run.py [--io uring|epoll] [--jobs N] [--deadline S] [WORD]...

Each module runs over both completion ports, those about the choice itself once.
WORDs choose the modules whose names contain one of them. The program under
test is the release build, or what GORI names. The last line says how many
tests passed, failed and were skipped; the status is 1 if any failed, and, with
CI=true in the environment, if any was skipped.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PORTS = ("uring", "epoll")
# These say themselves which port a server gets, or what it says about it, or start other servers than Gori.
ABOUT_THE_CHOICE = {
    "test_benchmark", "test_command_line", "test_deploy", "test_doctor", "test_held", "test_instructions", "test_peers",
    "test_port_choice", "test_study", "test_techniques", "test_techniques_memory",
    "test_thread_per_connection",
}


class Tally(unittest.TextTestResult):
    """Counts tests, not subtests: a test with ten failing subtests is one failure."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.names = {"passed": set(), "failed": set(), "skipped": set()}

    def addSuccess(self, test):
        super().addSuccess(test)
        self.names["passed"].add(test.id())

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.names["skipped"].add(getattr(test, "test_case", test).id())

    def addError(self, test, error):
        super().addError(test, error)
        self.names["failed"].add(test.id())

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.names["failed"].add(test.id())

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.names["failed"].add(test.id())

    def report(self):
        failed = self.names["failed"]
        skipped = self.names["skipped"] - failed
        reasons = sorted({f"{test}: {reason}" for test, reason in self.skipped})
        return {
            "passed": len(self.names["passed"] - failed - skipped), "failed": len(failed),
            "skipped": len(skipped), "reasons": reasons,
        }


def run_one(module, report):
    """In a process of its own: runs one module and writes its numbers."""
    sys.path.insert(0, str(HERE))
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    result = unittest.TextTestRunner(resultclass=Tally, verbosity=0).run(suite)
    pathlib.Path(report).write_text(json.dumps(result.report()))


def run_apart(module, port, deadline):
    """Over one port, where it is not about the choice of one: starts `run_one` as a process group, so that at the deadline its servers end with it."""
    began = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name != "GORI_IO"}
    if port:
        environment["GORI_IO"] = port
    name = f"{module} over {port}" if port else module
    with tempfile.TemporaryDirectory() as directory:
        report = pathlib.Path(directory) / "report.json"
        process = subprocess.Popen(
            [sys.executable, str(HERE / "run.py"), "--one", module, "--report", str(report)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            text=True, errors="replace", start_new_session=True, env=environment)
        try:
            output, _ = process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\n{name} did not end within {deadline} s\n"
        if report.exists():
            numbers = json.loads(report.read_text())
        else:
            numbers = {"passed": 0, "failed": 1, "skipped": 0, "reasons": []}
    return name, numbers, output, time.monotonic() - began


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--io", choices=PORTS, help="one completion port instead of both")
    parser.add_argument("--jobs", type=int, default=min(4, max(2, os.cpu_count() or 2)))
    parser.add_argument("--deadline", type=float, default=300, metavar="S", help="of each module")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--report", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    if options.one:
        run_one(options.one, options.report)
        return 0
    modules = sorted(path.stem for path in HERE.glob("test_*.py"))
    if options.words:
        modules = [name for name in modules if any(word in name for word in options.words)]
    ports = [options.io] if options.io else PORTS
    parts = [(module, port) for module in modules
             for port in ((None,) if module in ABOUT_THE_CHOICE else ports)]
    total = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run_apart, module, port, options.deadline) for module, port in parts]
        for run in concurrent.futures.as_completed(runs):
            name, numbers, output, seconds = run.result()
            state = "FAILED" if numbers["failed"] else "ok"
            print(f"{state:6} {name}: {numbers['passed']} passed, {seconds:.1f} s")
            if numbers["failed"]:
                print(output)
            for reason in numbers["reasons"]:
                print(f"       skipped: {reason}")
            sys.stdout.flush()
            for key in total:
                total[key] += numbers[key]
    skips_count = os.environ.get("CI") == "true"
    if skips_count and total["skipped"]:
        print("a skipped test is a failure where CI=true")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    nothing_ran = not any(total.values())
    return 1 if total["failed"] or nothing_ran or (skips_count and total["skipped"]) else 0


if __name__ == "__main__":
    sys.exit(main())
