# SPDX-License-Identifier: Apache-2.0
"""Row 25: a resolver that answers nothing, in a network and with system files of the row's own."""

import socket
import subprocess
import tempfile
import time

from common import Players, check, connect, receive_exactly, servers

DEADLINE = 5.0


def replace(path, text):
    """Puts another file in the place of one of the system's, for this row's processes alone."""
    with tempfile.NamedTemporaryFile("w", delete=False, encoding="ascii") as file:
        file.write(text)
    subprocess.run(["mount", "--bind", file.name, path], check=True)


def blackhole(setting):
    # A name server that hears every question and says nothing.
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.99", 53))
    hole.setblocking(False)
    replace("/etc/resolv.conf", "nameserver 127.0.0.99\noptions timeout:30 attempts:5\n")
    replace("/etc/hosts", "127.0.0.1 localhost known.test\n")
    replace("/etc/nsswitch.conf", "hosts: files dns\n")
    with setting.server("echo", listen="known.test:0") as server:
        connection = connect(server.address)
        connection.sendall(b"n")
        check(receive_exactly(connection, 1) == b"n", "another answer")
        players = Players(server, 10, 0.05, 8)
        lines, slowest = 0, 0.0
        for arguments in (("bots", "--connect", "unknown.test:7777", "--count", "1", "--duration", "1"),
                          ("echo", "--listen", "unknown.test:0")):
            began = time.monotonic()
            done = servers.run(*arguments, "--io", setting.port, timeout=60)
            slowest = max(slowest, time.monotonic() - began)
            check(done.returncode == 1, f"{arguments[0]} ended with {done.returncode}: {done.stderr}")
            check(done.stderr.count("\n") == 1 and "unknown.test" in done.stderr, f"not one line: {done.stderr!r}")
            lines += 1
            line = done.stderr.strip()
        result = players.result()
    check(slowest < DEADLINE + 5, f"the line came after {slowest:.1f} s")
    check(result["lost"] == 0, f"the server beside lost {result['lost']} answers")
    asked = 0
    try:
        while hole.recv(512):
            asked += 1
    except BlockingIOError:
        hole.close()
    return (f"a name server that never answers: bots and echo said \"{line}\" after {slowest:.1f} s (deadline: "
            f"{DEADLINE:.0f} s); a name in /etc/hosts was served beside, p50 {result['p50']} ms",
            {"questionsUnanswered": asked, "linesThatSayWhy": lines})
