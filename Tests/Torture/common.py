# SPDX-License-Identifier: Apache-2.0
"""What the rows of the failure catalogue share: servers, processes in a network of their own, players, results."""

import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))

import server as servers  # noqa: E402

RESET = struct.pack("ii", 1, 0)


class Failed(AssertionError):
    """What a row expects did not happen."""


def check(condition, what):
    if not condition:
        raise Failed(what)


class Setting:
    """How the rows are run: over which port, and how much of everything."""

    def __init__(self, port, quick):
        self.port = port
        self.quick = quick

    def count(self, full, quick):
        return quick if self.quick else full

    @contextlib.contextmanager
    def server(self, *arguments, io=None, listen="127.0.0.1:0", environment=None, prefix=(), ends_well=True):
        """A server over this port; it must still be there at the end, and leave in order."""
        server = servers.Server(
            *arguments, "--listen", listen, "--io", io or self.port, environment=environment, prefix=prefix)
        server.__enter__()
        try:
            yield server
            if ends_well:
                server.stop()
        finally:
            if not server.stopped:
                server.kill()


class Players:
    """`players.py` in a process of its own."""

    def __init__(self, server, count, interval, seconds):
        host, port = server.address
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "players.py"), host, str(port), str(count), str(interval), str(seconds)],
            stdout=subprocess.PIPE, text=True)
        check(self.process.stdout.readline() == "playing\n", "the players could not connect")

    def result(self):
        output, _ = self.process.communicate(timeout=120)
        check(self.process.returncode == 0, "the players failed")
        return json.loads(output)


def connect(address, receive_buffer=None, source=None):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    connection = socket.socket(family)
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        # A source address without a port until the target is known, so that many share the range.
        connection.setsockopt(socket.IPPROTO_IP, 24, 1)
        connection.bind((source, 0))
    connection.settimeout(10)
    connection.connect(address)
    return connection


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def receive_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        check(piece, f"the stream ended after {len(data)} of {count} bytes")
        data += piece
    return data


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_for(condition, seconds, what):
    """Returns how long it took."""
    began = time.monotonic()
    while not condition():
        check(time.monotonic() - began < seconds, f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - began


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
