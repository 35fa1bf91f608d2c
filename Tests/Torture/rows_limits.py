# SPDX-License-Identifier: Apache-2.0
"""Rows 12, 13, 14, 16 and 24: the machine refuses: io_uring, memory, a thread, descriptors, an address."""

import re
import socket
import subprocess
import sys
import time

from common import (
    HERE, Failed, Players, check, connect, processor_seconds, receive_exactly, servers, wait_for, write)

EDGE = HERE.parent / "EndToEnd"


def serves(server):
    connection = connect(server.address)
    connection.sendall(b"hello")
    check(receive_exactly(connection, 5) == b"hello", "another answer")
    connection.close()


def has_filter(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        return int("Seccomp:\t2" in file.read())


def ring_denied(setting):
    if setting.port == "epoll":
        return epoll_does_not_ask(setting)
    slowest = 0.0
    causes = {}
    for name in ("EPERM", "ENOSYS", "EINVAL", "ENOMEM"):
        began = time.monotonic()
        prefix = (sys.executable, EDGE / "deny_io_uring.py", "--errno", name)
        with setting.server("echo", io="auto", prefix=prefix) as server:
            slowest = max(slowest, time.monotonic() - began)
            serves(server)
            line = server.wait_for_log(r"^completion port: epoll.*$").group(0)
            causes[name] = 1
            check(len(re.findall(r"^completion port:", server.log, re.MULTILINE)) == 1, "more than one line says why")
            check(len(line) > 30, f"the line does not say why: {line}")
    check(slowest < 2, f"the slowest start took {slowest:.1f} s")
    return (f"io_uring_setup answered with {', '.join(causes)}: epoll serves, one line says why, the slowest start "
            f"took {slowest * 1_000:.0f} ms with the interpreter that sets the filter (promise: 100 ms)", causes)


def epoll_does_not_ask(setting):
    prefix = (sys.executable, EDGE / "deny_io_uring.py", "--kill")
    with setting.server("echo", prefix=prefix) as server:
        serves(server)
        fired = has_filter(server)
    return "a filter that ends whoever asks for io_uring: with --io epoll nobody asks", {"filterInstalled": fired}


def memory_lock(setting):
    prefix = (sys.executable, EDGE / "lock_memory.py", "65536")
    if setting.port == "epoll":
        with setting.server("echo", prefix=prefix) as server:
            serves(server)
        return "a child that may lock 64 KiB serves: nothing is locked", {"bytesAllowed": 65_536}
    with setting.server("echo", io="auto", prefix=prefix) as server:
        serves(server)
        line = server.wait_for_log(r"^completion port:.*$").group(0)
        with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as file:
            limit = re.search(r"Max locked memory\s+(\d+)", file.read()).group(1)
        fired = {"memlockRefusals": int("memlock" in line or "ulimit -l" in line)}
        check(limit == "65536", f"the limit is {limit}")
    return f"a child that may lock 64 KiB serves, and says: \"{line}\"", fired


def worker_dies(setting):
    environment = {"GORI_KILL_WORKER": "0:2", "GORI_STALL": "1:400:1"}
    with setting.server("echo", "--workers", "2", environment=environment, ends_well=False) as server:
        clients = []
        for _ in range(60):
            clients.append(connect(server.address))
            clients[-1].sendall(b"?")
            receive_exactly(clients[-1], 1)
        server.wait_for_log(r"worker 1 stalls.*", 10)
        server.wait_for_log(r"worker 1 goes on.*", 10)
        line = server.wait_for_log(r"worker 0 has died.*", 10).group(0)
        died = time.monotonic()
        ended = 0
        for client in clients:
            client.settimeout(5)
            try:
                client.sendall(b"!")
                if client.recv(1) != b"!":
                    ended += 1
            except OSError:
                ended += 1
        took = time.monotonic() - died
        check(0 < ended < len(clients), f"{ended} of {len(clients)} clients saw an end")
        check(took < 5, f"the clients of the dead worker saw the end after {took:.1f} s")
        deaths = len(re.findall(r"has died", server.log))
        stalls = len(re.findall(r"worker 1 stalls", server.log))
        for _ in range(20):
            serves(server)
    return (f"worker 1 stalled for 400 ms and was named; worker 0 died: \"{line.split(';')[0]}\"; its {ended} clients "
            f"saw the end and the other {60 - ended} an answer within {took * 1_000:.0f} ms, newcomers are served",
            {"stallsNamed": stalls, "deaths": deaths})


def no_descriptors(setting):
    limit, crowd = 64, 200
    prefix = ("prlimit", f"--nofile={limit}:{limit}")
    seconds = setting.count(12, 6)
    with setting.server("echo", "--workers", "2", prefix=prefix) as server:
        quiet = Players(server, 10, 0.05, 2).result()
        wait_for(lambda: server.counters()["workers"]["sessions"] == 0, 5, "the first players have left")
        players = Players(server, 10, 0.05, seconds)
        # Connected is not yet accepted; the limit is for those who come later.
        wait_for(lambda: server.counters()["workers"]["sessions"] == 10, 10, "the players are in")
        others = [connect(server.address) for _ in range(crowd)]
        inside = []
        for other in others:
            try:
                other.sendall(b"x")
                if other.recv(1):
                    inside.append(other)
            except OSError:
                pass
        began, used = time.monotonic(), processor_seconds(server.process.pid)
        idle_players = players.result()
        share = (processor_seconds(server.process.pid) - used) / (time.monotonic() - began)
        counted = server.counters()
        lines = len(re.findall(r"accept paused", server.log))
        while can_connect(server, keep=inside):
            pass
        for other in inside[:5]:
            other.close()
        recovery = wait_for(lambda: can_connect(server), 5, "newcomers are served again")
        for other in others:
            other.close()
    check(idle_players["lost"] == 0, f"players lost {idle_players['lost']} answers")
    check(idle_players["p50"] < max(10 * quiet["p50"], 20), f"p50 {idle_players['p50']} ms, {quiet['p50']} ms before")
    check(share < 0.25, f"{share:.0%} of a processor while nothing can be accepted")
    check(recovery < 5, f"recovery took {recovery:.1f} s")
    check(lines <= 2 * (2 + seconds // 5), f"{lines} lines of log")
    return (f"limit of {limit} descriptors, {crowd} newcomers: {crowd - len(inside)} refused at once; the players "
            f"answered on, p50 {idle_players['p50']} ms (before: {quiet['p50']} ms), server at {share:.1%} of a processor "
            f"players included, {lines} lines of log, newcomers served {recovery * 1_000:.0f} ms after somebody left",
            {"acceptPauses": counted["port"]["acceptPauses"], "refusedWaiting": counted["workers"]["refusedWaiting"]})


def can_connect(server, keep=None):
    try:
        connection = connect(server.address)
        connection.sendall(b"!")
        if connection.recv(1) != b"!":
            return False
        if keep is not None:
            keep.append(connection)
        return True
    except (OSError, Failed):
        return False


def addresses(setting):
    fired = {}
    with setting.server("echo", listen="[::]:0") as server:
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(b"m")
            fired["mappedIPv4Served"] = int(receive_exactly(connection, 1) == b"m")
        with socket.create_connection(("::1", server.port), 5) as connection:
            connection.sendall(b"6")
            fired["IPv6Served"] = int(receive_exactly(connection, 1) == b"6")
        done = servers.run("echo", "--listen", f"[::]:{server.port}", "--io", setting.port)
        check(done.returncode == 1 and "Address already in use" in done.stderr, f"port in use: {done.stderr}")
        fired["portInUse"] = len(done.stderr.splitlines())
    with setting.server("echo", listen="[::1]:0") as server:
        try:
            socket.create_connection(("127.0.0.1", server.port), 2).close()
            raise Failed("a server on ::1 takes IPv4")
        except ConnectionRefusedError:
            fired["IPv6OnlyRefusesIPv4"] = 1
    with servers.Server(
            "echo", "--io", setting.port, prefix=(sys.executable, HERE / "deny_ipv6.py")) as server:
        check(server.addresses == [("0.0.0.0", 7777)], f"listening on {server.addresses}")
        server.wait_for_log("no IPv6 on this machine")
        serves(server)
        fired["noAddressFamily"] = 1
    write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")
    with servers.Server("echo", "--io", setting.port) as server:
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.sendall(b"4")
            fired["IPv6SwitchedOff"] = int(receive_exactly(connection, 1) == b"4")
    return ("port in use: one line, status 1; [::] serves IPv6 and mapped IPv4; [::1] refuses IPv4; where the "
            "kernel knows no IPv6 the default is IPv4, and one line says so; where it is switched off IPv4 is served", fired)
