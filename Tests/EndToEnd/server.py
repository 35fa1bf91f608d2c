# SPDX-License-Identifier: Apache-2.0
"""Starts the program under test, and sees to it that it ends as it should.

The environment variable GORI names the program; the default is the release
build of this checkout.
"""

import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time

import clients  # noqa: F401
from gori_connection import parse_address

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_DEADLINE = 10.0
# The server promises to drain within 5 s; the rest is for a busy machine.
DRAIN_DEADLINE = 5.0
MARGIN = 3.0


class ServerError(AssertionError):
    """The program did not start, did not stop, or ended in another way than it should."""


def program():
    path = pathlib.Path(os.environ.get("GORI", ".build/release/gori"))
    path = path if path.is_absolute() else ROOT / path
    if not path.exists():
        raise ServerError(f"no program at {path}: build it with `swift build -c release` or set GORI")
    return str(path)


def debug_program():
    """The debug build, which can be told to have faults; None when there is none."""
    path = pathlib.Path(os.environ.get("GORI_DEBUG", ".build/debug/gori"))
    path = path if path.is_absolute() else ROOT / path
    return str(path) if path.exists() else None


def run(*arguments, timeout=20.0, prefix=(), environment=None):
    """Runs the program to its end, in an empty directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        return subprocess.run(
            [*prefix, program(), *map(str, arguments)], cwd=directory, timeout=timeout,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            env={**os.environ, **(environment or {})})


class Server:
    """A running `gori serve` or `gori echo`, as a context manager.

    Waits for the line `ready` and keeps what follows `listening` in `addresses`.
    """

    ORDERLY_ENDS = (0,)

    def __init__(self, *arguments, environment=None, program=program, prefix=()):
        self.program = program if isinstance(program, str) else program()
        # A command that becomes the program, as one that lowers a limit.
        self.prefix = [str(word) for word in prefix]
        self.arguments = [str(argument) for argument in arguments]
        self.environment = {**os.environ, **(environment or {})}
        self.addresses = []
        self.errors = []
        self.more_errors = threading.Condition()
        self.stopped = False

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [*self.prefix, self.program, *self.arguments], cwd=self.directory.name, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace")
        self.output = queue.Queue()
        # Both pipes are read all the time: a server that logs a lot must not
        # wait for its test.
        self.readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self.readers:
            reader.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if not self.stopped:
            self.stop()

    @property
    def address(self):
        """(host, port) of the first address, as a client reaches it."""
        return self.reachable(self.addresses[0])

    @property
    def port(self):
        return self.addresses[0][1]

    @staticmethod
    def reachable(address):
        host, port = address
        return {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(host, host), port

    @property
    def log(self):
        return "".join(self.errors)

    def wait_for_log(self, pattern, within=5.0):
        """The first match in the log, which comes through a pipe of its own and may lag behind `ready`."""
        with self.more_errors:
            self.more_errors.wait_for(lambda: re.search(pattern, self.log, re.MULTILINE), within)
        found = re.search(pattern, self.log, re.MULTILINE)
        if found is None:
            raise ServerError(f"{self} did not log {pattern!r}{self._log_tail()}")
        return found

    def counters(self, within=5.0):
        """What the server has counted so far, as {"port": {…}, "workers": {…}}."""
        known = len(self.errors)
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for line in self.errors[known:]:
                if line.startswith('{"port"') and line.endswith("\n"):
                    return json.loads(line)
            time.sleep(0.002)
        raise ServerError(f"{self} did not tell its counters within {within} s{self._log_tail()}")

    def terminate(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)

    def wait(self, within=DRAIN_DEADLINE + MARGIN):
        """Waits for the end and checks that it was an orderly one."""
        self.stopped = True
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self} did not end within {within} s{self._log_tail()}") from None
        self._clean_up()
        if code not in self.ORDERLY_ENDS:
            raise ServerError(f"{self} ended with {code}{self._log_tail()}")

    def stop(self):
        if self.process.poll() is not None:
            self.stopped = True
            self._clean_up()
            raise ServerError(
                f"{self} ended by itself with {self.process.returncode}{self._log_tail()}")
        self.terminate()
        self.wait()

    def kill(self):
        self.stopped = True
        self.process.kill()
        self.process.wait()
        self._clean_up()

    def _clean_up(self):
        for reader in self.readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        self.directory.cleanup()

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_DEADLINE
        while True:
            try:
                line = self.output.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise ServerError(
                    f"{self} was not ready within {START_DEADLINE} s{self._log_tail()}") from None
            if line is None:
                self.process.wait(5)
                raise ServerError(
                    f"{self} ended with {self.process.returncode} before it was ready"
                    f"{self._log_tail()}")
            if line.startswith("listening "):
                self.addresses.append(parse_address(line.removeprefix("listening ")))
            elif line == "ready":
                if not self.addresses:
                    raise ServerError(f"{self} printed `ready` and no `listening ADDR`")
                return

    def _read_output(self):
        for line in self.process.stdout:
            self.output.put(line.rstrip("\n"))
        self.output.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            with self.more_errors:
                self.errors.append(line)
                self.more_errors.notify_all()

    def _log_tail(self):
        for reader in self.readers:
            if self.process.poll() is not None:
                reader.join(1)
        return "".join(f"\n    {line.rstrip()}" for line in self.errors[-30:])

    def __str__(self):
        return f"`gori {' '.join(self.arguments)}`"
