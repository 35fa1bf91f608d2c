# SPDX-License-Identifier: Apache-2.0
"""A connection that sends and receives packets, with a deadline on every wait."""

import random
import socket
import time
from collections import deque

from gori_packets import FROM_CLIENT, Goodbye, Ping, Pong, Reassembler, decode, encode
from gori_senders import WholeSender


class ProtocolError(Exception):
    """The server did something that the protocol does not allow."""


class SessionEnded(ProtocolError):
    """The stream ended while something was still expected."""


def parse_address(text):
    """`host:port`, `[v6]:port` or `:port` as (host, port)."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"expected host:port, [v6]:port or :port, got {text!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return host or "localhost", int(port)


class Connection:
    """Knows the session layer: answers pings, keeps the goodbye. Not for several threads at once."""

    def __init__(self, sender=None, timeout=10.0):
        self.sender = sender or WholeSender()
        self.timeout = timeout
        self.answers_pings = True
        self.pings_seen = 0
        self.socket = None
        self.goodbye = None
        self.ended = False
        self._reassembler = Reassembler()
        self._arrived = deque()
        self._random = random.Random(1)
        self._start = time.monotonic()

    def connect(self, host, port, family=socket.AF_UNSPEC):
        """Connects over IPv4 or IPv6, whichever `host` is; `family` forces one of them."""
        failure = OSError(f"no address for {host}")
        for kind, _, _, _, address in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
            try:
                self.socket = socket.socket(kind, socket.SOCK_STREAM)
                self.socket.settimeout(self.timeout)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.socket.connect(address)
                return self
            except OSError as error:
                self.socket.close()
                failure = error
        raise failure

    def close(self):
        if self.socket is not None:
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Packets.

    def send(self, value):
        self.send_bytes(encode(value))

    def send_bytes(self, data):
        self.socket.settimeout(self.timeout)
        self.sender.write(self.socket, data)

    def flush(self):
        self.socket.settimeout(self.timeout)
        self.sender.flush(self.socket)

    def receive(self, timeout=None):
        """The next packet, already taken note of; None at the end of the stream."""
        deadline = self._deadline(timeout)
        while not self._arrived:
            if self.ended:
                return None
            self.flush()
            data = self._receive_bytes(deadline)
            if not data:
                self.ended = True
                return None
            self._arrived.extend(self._reassembler.feed(data))
        type_number, body = self._arrived.popleft()
        value = decode(type_number, body)
        self._take_note(value)
        return value

    def expect(self, kind, where=lambda value: True, timeout=None):
        """The next packet of a kind that meets a condition; others are taken note of on the way."""
        deadline = self._deadline(timeout)
        while True:
            try:
                value = self.receive(deadline - time.monotonic())
            except TimeoutError:
                raise TimeoutError(f"{type(self).__name__}: no {kind.__name__} in time") from None
            if value is None:
                raise SessionEnded(f"the stream ended before {kind.__name__}, after {self.goodbye}")
            if isinstance(value, kind) and where(value):
                return value

    def wait_until(self, condition, timeout=None):
        """Receives until `condition()` holds."""
        deadline = self._deadline(timeout)
        while not condition():
            if self.receive(deadline - time.monotonic()) is None:
                raise SessionEnded(f"the stream ended while waiting, after {self.goodbye}")

    def catch_up(self):
        """Receives what is there, without waiting for more."""
        try:
            while self.receive(0.001) is not None:
                pass
        except TimeoutError:
            return

    def receive_end(self, timeout=None):
        """Receives up to the end of the stream. Returns the goodbye, None if there was none."""
        deadline = self._deadline(timeout)
        while self.receive(deadline - time.monotonic()) is not None:
            pass
        if self._reassembler.rest:
            raise ProtocolError(f"{len(self._reassembler.rest)} bytes of a packet before the end")
        return self.goodbye

    def take_note(self, value):
        """What a game's client learns from a packet. For subclasses."""

    def _take_note(self, value):
        if self.goodbye is not None:
            raise ProtocolError(f"{value} came after {self.goodbye}")
        if value.direction == FROM_CLIENT:
            raise ProtocolError(f"{value} is a client's packet")
        if isinstance(value, Goodbye):
            self.goodbye = value
        elif isinstance(value, Ping):
            self.pings_seen += 1
            if self.answers_pings:
                self._answer(value)
        else:
            self.take_note(value)

    def _answer(self, ping):
        try:
            self.send(Pong(ping.token, int((time.monotonic() - self._start) * 1e6)))
            self.flush()
        except BrokenPipeError:
            # The server has ended the stream in order; what it said before is
            # still to be read.
            pass

    def _deadline(self, timeout):
        return time.monotonic() + (self.timeout if timeout is None else timeout)

    def _receive_bytes(self, deadline):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("nothing came in time")
        self.socket.settimeout(remaining)
        return self.socket.recv(65_536)
