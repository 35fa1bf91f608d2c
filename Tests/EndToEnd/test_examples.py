# SPDX-License-Identifier: Apache-2.0
"""The examples that speak somebody else's protocol: RESP and HTTP, as their own clients speak it."""

import http.client
import os
import pathlib
import random
import socket

import server as servers
from support import ServerTest


def example(name):
    """The debug build of an example, which the tests of Swift have built."""
    path = pathlib.Path(os.environ.get("GORI_EXAMPLES", servers.ROOT / ".build/debug")) / name
    if not path.exists():
        raise servers.ServerError(f"no program at {path}: build it with `swift build`, or set GORI_EXAMPLES")
    return str(path)


class ExampleTest(ServerTest):
    name = None

    def setUp(self):
        super().setUp()
        io = os.environ.get("GORI_IO", "auto")
        self.server = self.start(
            *self.LOCAL, "--workers", "2", "--io", io, program=example(self.name))

    def dial(self):
        client = socket.create_connection(self.server.address[:2], timeout=20)
        self.addCleanup(client.close)
        return client

    def read(self, client, count):
        data = b""
        while len(data) < count:
            more = client.recv(count - len(data))
            self.assertTrue(more, f"the end after {data!r}")
            data += more
        return data

    def answers(self, client, request, expected):
        client.sendall(request)
        self.assertEqual(self.read(client, len(expected)), expected)

    def assert_end(self, client):
        self.assertEqual(client.recv(1), b"")


def command(*parts):
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def bulk(value):
    return b"$%d\r\n%s\r\n" % (len(value), value)


class KeyValueTest(ExampleTest):
    name = "KeyValue"

    def test_commands(self):
        client = self.dial()
        self.answers(client, command("PING"), b"+PONG\r\n")
        self.answers(client, b"PING\r\n", b"+PONG\r\n")
        self.answers(client, command("ping", "x\r\ny"), bulk(b"x\r\ny"))
        self.answers(client, command("ECHO", ""), bulk(b""))
        self.answers(client, command("GET", "nothing"), b"$-1\r\n")
        self.answers(client, command("SET", "key", bytes(range(256))), b"+OK\r\n")
        # Another connection, perhaps on another worker, sees it.
        self.answers(self.dial(), command("get", "key"), bulk(bytes(range(256))))
        self.answers(client, command("DEL", "key", "nothing"), b":1\r\n")
        self.answers(client, command("GET", "key"), b"$-1\r\n")
        self.answers(client, b"\r\n" + command("QUIT"), b"+OK\r\n")
        self.assert_end(client)

    def test_pieces_and_pipelines(self):
        """Commands cut anywhere, and many in one piece, are answered in their order."""
        dice = random.Random(7)
        client = self.dial()
        requests, expected = b"", b""
        for number in range(400):
            value = dice.randbytes(dice.choice((0, 1, 64, 3_000)))
            requests += command("SET", f"k{number % 7}", value) + command("GET", f"k{number % 7}")
            expected += b"+OK\r\n" + bulk(value)
        sent = 0
        while sent < len(requests):
            count = dice.choice((1, 2, 5, 100, 40_000))
            client.sendall(requests[sent:sent + count])
            sent += count
        self.assertEqual(self.read(client, len(expected)), expected)
        large = dice.randbytes(1 << 20)
        self.answers(client, command("ECHO", large), bulk(large))

    def test_errors(self):
        client = self.dial()
        for request in (command("GET"), command("SET", "a", "b", "EX", "1"), command("FLUSHALL"), b"a b c\r\n"):
            client.sendall(request + command("PING"))
            line = b""
            while not line.endswith(b"\r\n"):
                line += self.read(client, 1)
            self.assertTrue(line.startswith(b"-ERR "), line)
            self.assertEqual(self.read(client, 7), b"+PONG\r\n")
        for request in (
            b"*x\r\n", b"*2\r\n+a\r\n", b"*1\r\n$-1\r\n", b"*99999999\r\n", b"*1\r\n$9999999\r\n", b"x" * 20_000,
        ):
            client = self.dial()
            client.sendall(request)
            self.assertTrue(self.read(client, 20).startswith(b"-ERR Protocol error:"))
            while client.recv(4_096):
                pass
        self.answers(self.dial(), command("PING"), b"+PONG\r\n")


class PlaintextTest(ExampleTest):
    name = "Plaintext"

    def test_foreign_client(self):
        connection = http.client.HTTPConnection(*self.server.address[:2], timeout=20)
        self.addCleanup(connection.close)
        hello = ("/plaintext", 200, b"Hello, World!")
        for path, status, body in (hello, ("/", 404, b""), hello):
            connection.request("GET", path)
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (status, body))
            self.assertRegex(response.headers["Date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_pieces_and_pipelines(self):
        dice = random.Random(8)
        client = self.dial()
        request = b"GET /plaintext HTTP/1.1\r\nHost: here\r\nAccept: text/plain\r\n\r\n"
        client.sendall(request)
        answer = b""
        while not answer.endswith(b"Hello, World!"):
            answer += self.read(client, 1)
        stream = request * 200
        sent = 0
        while sent < len(stream):
            count = dice.choice((1, 3, 70, 5_000))
            client.sendall(stream[sent:sent + count])
            sent += count
        got = self.read(client, 200 * len(answer))
        self.assertEqual(got.count(b"HTTP/1.1 200 OK\r\n"), 200)
        self.assertEqual(got.count(b"\r\n\r\nHello, World!"), 200)

    def test_ends(self):
        get = b"GET /plaintext HTTP/1.1\r\n"
        for request, status in (
            (get + b"Connection: close\r\n\r\n", b"200"), (b"GET /plaintext HTTP/1.0\r\n\r\n", b"200"),
            (b"POST /plaintext HTTP/1.1\r\n\r\n", b"400"), (get + b"Content-Length: 5\r\n\r\nabcde", b"400"),
            (b"\x16\x03\x01\r\n", b"400"), (get + b"X: " + b"y" * 9_000, b"400"),
        ):
            with self.subTest(request[:40]):
                client = self.dial()
                client.sendall(request)
                answer = b""
                while more := client.recv(4_096):
                    answer += more
                self.assertEqual(answer[:12], b"HTTP/1.1 " + status)
                self.assertEqual(answer.count(b"HTTP/1.1"), 1)
