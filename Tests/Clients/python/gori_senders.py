# SPDX-License-Identifier: Apache-2.0
"""How bytes reach the kernel. A server must make the same packets of every way."""

import random


class WholeSender:
    """Each packet in one write, at once."""

    def write(self, sock, data):
        sock.sendall(data)

    def flush(self, sock):
        pass


class ByteSender(WholeSender):
    """Each byte in a write of its own."""

    def write(self, sock, data):
        for index in range(len(data)):
            sock.sendall(data[index:index + 1])


class ChunkSender:
    """Random chunks that know nothing of packet borders. The same seed makes the same chunks."""

    def __init__(self, seed, largest=40):
        self.random = random.Random(seed)
        self.largest = largest
        self.waiting = bytearray()

    def write(self, sock, data):
        self.waiting += data
        # Keeping some bytes back lets a chunk end in the middle of one packet
        # and the next begin there.
        while len(self.waiting) > self.largest:
            self._send_chunk(sock)

    def flush(self, sock):
        while self.waiting:
            self._send_chunk(sock)

    def _send_chunk(self, sock):
        count = self.random.randint(1, self.largest)
        sock.sendall(self.waiting[:count])
        del self.waiting[:count]


class BatchSender:
    """Up to `count` packets in one write; fewer when the client has to wait for an answer."""

    def __init__(self, count):
        self.count = count
        self.packets = []

    def write(self, sock, data):
        self.packets.append(bytes(data))
        if len(self.packets) >= self.count:
            self.flush(sock)

    def flush(self, sock):
        if self.packets:
            sock.sendall(b"".join(self.packets))
            self.packets = []
