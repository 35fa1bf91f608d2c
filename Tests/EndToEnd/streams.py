# SPDX-License-Identifier: Apache-2.0
"""Many connections on one thread, for tests of bytes rather than of packets."""

import selectors
import socket
import time

CHUNK = 65_536


class Stream:
    """A non-blocking connection: what is in `outgoing` is sent, what comes is in `incoming`."""

    def __init__(self, address, receive_buffer=None, random=None, largest_chunk=CHUNK):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            # Has to be set before the connection exists to bound its window.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.random = random
        self.largest_chunk = largest_chunk
        self.outgoing = bytearray()
        self.incoming = bytearray()
        self.received = 0
        self.reads = True
        self.ended = False
        self.was_reset = False
        self.half_closes = False
        self.half_closed = False

    def send(self, data):
        self.outgoing += data

    def end_sending(self):
        """Sends the end of the stream after everything in `outgoing`."""
        self.half_closes = True

    def reset(self):
        """Drops the connection, as a client does that is killed."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, (1).to_bytes(4, "little") + bytes(4))
        self.close()

    def close(self):
        self.ended = True
        self.socket.close()

    def on_received(self):
        """For subclasses: new bytes are in `incoming`."""

    def before_sending(self):
        """For subclasses: the moment to put more into `outgoing`."""

    def prepare(self):
        """Gets ready for the next wait, and says which events matter."""
        if self.ended:
            return 0
        self.before_sending()
        if self.half_closes and not self.half_closed and not self.outgoing:
            self.half_closed = True
            self.socket.shutdown(socket.SHUT_WR)
        reading = selectors.EVENT_READ if self.reads else 0
        return reading | (selectors.EVENT_WRITE if self.outgoing else 0)

    def step(self, events):
        try:
            if events & selectors.EVENT_WRITE and self.outgoing:
                self._send()
            if events & selectors.EVENT_READ:
                self._receive()
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.was_reset = self.ended = True

    def _send(self):
        count = self.largest_chunk
        if self.random is not None:
            count = self.random.randint(1, count)
        try:
            sent = self.socket.send(self.outgoing[:count])
            del self.outgoing[:sent]
        except BrokenPipeError:
            # Linux reports this, not a reset, to a sender whose peer ended the
            # stream in order before it went away: nothing of its last words
            # is lost, and the end is still to be received.
            self.outgoing.clear()
            self.half_closed = True

    def _receive(self):
        data = self.socket.recv(CHUNK)
        if data:
            self.incoming += data
            self.received += len(data)
            self.on_received()
        else:
            self.ended = True


def pump(streams, until, timeout=20.0):
    """Sends and receives on all streams until `until()` holds; AssertionError after the timeout."""
    deadline = time.monotonic() + timeout
    interests = {}
    with selectors.DefaultSelector() as selector:
        while not until():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s: {describe(streams)}")
            for stream in streams:
                update(selector, interests, stream)
            for key, events in selector.select(0.05):
                key.data.step(events)
                if key.data.ended:
                    update(selector, interests, key.data)


def update(selector, interests, stream):
    # A socket that was closed must leave the selector before its number is
    # given to a new one.
    before, now = interests.get(stream, 0), stream.prepare()
    if before == now:
        return
    if before == 0:
        selector.register(stream.socket, now, stream)
    elif now == 0:
        selector.unregister(stream.socket)
    else:
        selector.modify(stream.socket, now, stream)
    interests[stream] = now


def describe(streams):
    open_ones = [stream for stream in streams if not stream.ended]
    some = ", ".join(
        f"{stream.received} received and {len(stream.outgoing)} to send" for stream in open_ones[:5])
    return f"{len(open_ones)} of {len(streams)} streams are open: {some}"
