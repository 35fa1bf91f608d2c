# SPDX-License-Identifier: Apache-2.0
"""Rows 11, 17, 18, 20 and 21: peers that vanish, do not read, drip or flood, beside players whom that may not concern."""

import os
import selectors
import socket
import struct
import subprocess
import sys
import time

from common import Failed, Players, check, connect, receive_exactly, resident_bytes, wait_for

HELLO_TIMEOUT, HEARTBEAT = 5.0, 1.0


def compare(before, during, factor=10, floor=50):
    """Nobody lost anything, and the delay stays within ten times what is promised."""
    check(during["lost"] == 0, f"players lost {during['lost']} answers")
    check(during["answers"] > 0, "players got no answer at all")
    check(during["p99"] <= max(factor * before["p99"], floor), f"p99 {during['p99']} ms, {before['p99']} ms before")
    return f"players' p50/p99 {before['p50']}/{before['p99']} ms before, {during['p50']}/{during['p99']} ms during"


def idle_watchdog(setting):
    with setting.server("echo", "--workers", "2", "--idle-timeout", "1000") as server:
        silent = [connect(server.address) for _ in range(200)]
        for connection in silent:
            connection.sendall(b"x")
            receive_exactly(connection, 1)
        began = time.monotonic()
        for connection in silent:
            check(connection.recv(1) == b"", "bytes instead of an end")
        took = time.monotonic() - began
        check(took < 10, f"the last was closed after {took:.1f} s")
        counted = server.counters()
    return (f"200 connections that fell silent, as after an end that a kernel lost, were closed within {took:.1f} s "
            "(limit: 1 s)", {"silent": counted["workers"]["silent"]})


def slow_readers(setting):
    readers = setting.count(300, 100)
    limit = 64 << 20
    with setting.server("echo", "--mode", "broadcast", "--group", "0", "--workers", "1", "--memory-limit", "64") as server:
        base = resident_bytes(server.process.pid)
        slow = [connect(server.address, receive_buffer=4_096) for _ in range(readers)]
        healthy = [connect(server.address) for _ in range(2)]
        packet = struct.pack("<HH", 16_000, 16).ljust(16_000, b"s")
        # A backlog of 8 MiB is the limit of a session; all of them together are far above that of the server.
        highest, worst, rounds = 0, 0.0, setting.count(700, 400)
        for number in range(rounds):
            began = time.monotonic()
            healthy[0].sendall(packet)
            for reader in healthy:
                receive_exactly(reader, len(packet))
            worst = max(worst, time.monotonic() - began)
            if number % 10 == 0:
                highest = max(highest, resident_bytes(server.process.pid))
        counted = server.counters()
        for connection in slow + healthy:
            connection.close()
    bound = base + 3 * limit
    check(highest < bound, f"{highest >> 20} MiB resident, {base >> 20} MiB before")
    check(worst < 5, f"the healthy waited {worst:.1f} s")
    return (f"{readers} clients that do not read beside 2 that do, {rounds} packets of 16 KB to all: "
            f"{highest >> 20} MiB resident at most ({base >> 20} MiB before; without the limit up to "
            f"{readers * 8 + (base >> 20)}), the healthy got every packet, the latest after {worst * 1_000:.0f} ms",
            {"slowReaders": counted["workers"]["slowReaders"], "bytesBacklogged": counted["workers"]["bytesBacklogged"]})


HALF_OPEN = r"""
import socket, struct, sys, time
sys.path[:0] = sys.argv[3:]
import clients
from gori_packets import *
count, port = int(sys.argv[1]), int(sys.argv[2])
hello = encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "gone"))
connections = []
for number in range(count):
    connection = socket.socket()
    connection.bind((f"10.77.0.{10 + number % 40}", 0))
    connection.connect(("10.77.0.1", port))
    connection.sendall(hello)
    connection.recv(64)
    connections.append(connection)
print("in", flush=True)
sys.stdin.read()
"""


def half_open(setting):
    """In a network namespace of its own; the clients in a second one, at the other end of a pair of interfaces."""
    count = setting.count(1_000, 300)
    room = subprocess.Popen(["unshare", "-n", "sleep", "120"])
    try:
        time.sleep(0.3)
        inside = ["nsenter", "-t", str(room.pid), "-n"]
        commands = [
            ["ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(room.pid)],
            ["ip", "addr", "add", "10.77.0.1/24", "dev", "near"], ["ip", "link", "set", "near", "up"],
            inside + ["ip", "link", "set", "far", "up"],
        ] + [inside + ["ip", "addr", "add", f"10.77.0.{10 + number}/24", "dev", "far"] for number in range(40)]
        for command in commands:
            subprocess.run(command, check=True)
        arguments = ("serve", "--workers", "1", "--heartbeat", str(int(HEARTBEAT * 1_000)))
        with setting.server(*arguments, listen="10.77.0.1:0") as server:
            clients = subprocess.Popen(
                [*inside, sys.executable, "-c", HALF_OPEN, str(count), str(server.port), *sys.path],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            check(clients.stdout.readline() == "in\n", "the clients could not connect")
            # No end, no reset, no answer gets through from here on.
            subprocess.run(["ip", "link", "set", "near", "down"], check=True)
            began = time.monotonic()
            open_then = server.counters()["workers"]["sessions"]
            check(open_then > count * 0.9, f"{open_then} sessions when the link went down")
            wait_for(lambda: server.counters()["workers"]["sessions"] == 0, 40, "every session has been reaped")
            took = time.monotonic() - began
            silent = server.counters()["workers"]["silent"]
            clients.kill()
            clients.wait()
    finally:
        room.kill()
        room.wait()
    return (f"{open_then:,} players whose link went down without a word: all reaped after {took:.1f} s (three heartbeats "
            f"of {HEARTBEAT:.0f} s and 2 s for the close)", {"silent": silent})


def drippers(setting):
    count = setting.count(5_000, 1_000)
    seconds = setting.count(13, 13)
    with setting.server("echo", "--mode", "packet", "--workers", "2") as server:
        before = Players(server, 100, 0.1, 4).result()
        crowd = [connect(server.address) for _ in range(count)]
        for connection in crowd:
            connection.sendall(struct.pack("<HH", 400, 16))
            connection.setblocking(False)
        began = time.monotonic()
        players = Players(server, 100, 0.1, seconds - 3)
        ended = drip(crowd, seconds, began)
        during = players.result()
        counted = server.counters()
    # Thousands end within a second, and their own end is made by this process beside.
    text = compare(before, during, floor=500)
    check(ended == count, f"{ended} of {count} drippers were ended")
    return (f"{count:,} clients dripping a packet byte by byte, all ended when it was 10 s late; {text}",
            {"drippersEnded": ended, "accepted": counted["workers"]["accepted"]})


def drip(crowd, seconds, began):
    """One byte a second each, evenly; returns how many the server has ended."""
    selector = selectors.DefaultSelector()
    position = 0
    for connection in crowd:
        selector.register(connection, selectors.EVENT_READ)
    ended, next_round = 0, began + 0.05
    while ended < len(crowd) and time.monotonic() < began + seconds + 5:
        for key, _ in selector.select(0.02):
            selector.unregister(key.fileobj)
            key.fileobj.close()
            ended += 1
        if time.monotonic() >= next_round:
            next_round += 0.05
            for connection in crowd[position:position + len(crowd) // 20]:
                try:
                    connection.send(b".")
                except OSError:
                    pass
            position = (position + len(crowd) // 20) % len(crowd)
    return ended


FLOOD = r"""
import socket, struct, sys, time
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.setblocking(False)
piece = struct.pack("<HH", 8, 16).ljust(8, b"f") * 4096
sent, end, rest = 0, time.monotonic() + float(sys.argv[3]), b""
while time.monotonic() < end:
    try:
        rest = rest or piece
        count = connection.send(rest)
        sent += count
        rest = rest[count:]
    except BlockingIOError:
        pass
    try:
        connection.recv(1 << 20)
    except BlockingIOError:
        pass
print(sent // 8)
"""


def flooder(setting):
    seconds = setting.count(10, 5)
    with setting.server("echo", "--mode", "packet", "--workers", "2") as server:
        before = Players(server, 999, 1.0, 4).result()
        host, port = server.address
        flood = subprocess.Popen(
            [sys.executable, "-c", FLOOD, host, str(port), str(seconds + 2)], stdout=subprocess.PIPE, text=True)
        players = Players(server, 999, 1.0, seconds)
        during = players.result()
        packets = int(flood.communicate(timeout=30)[0])
        text = compare(before, during, floor=250)
    return f"one client sent {packets:,} small packets as fast as it could beside 999 normal ones; {text}", {
        "packetsFlooded": packets}
