# SPDX-License-Identifier: Apache-2.0
"""Rows 8, 9, 19 and 23: what becomes of bytes when sends block, are cut short, or meet a connection that has gone."""

import random
import socket
import struct
import time

from common import Failed, check, connect, descriptors, receive_exactly, reset, wait_for, write
from streams import Stream, pump


def frames(chance, total, smallest, largest):
    """Packets with random bodies, in all at least `total` bytes."""
    data = bytearray()
    while len(data) < total:
        size = chance.randint(smallest, largest)
        data += struct.pack("<HH", size, 16) + chance.randbytes(size - 4)
    return bytes(data)


def echo_exactly(server, clients, total, smallest, largest, receive_buffer):
    """Echoes packets to clients that read now and then; every byte has to come back in its place."""
    streams, sent = [], []
    for number in range(clients):
        chance = random.Random(number)
        stream = Stream(server.address, receive_buffer=receive_buffer, random=chance, largest_chunk=9_000)
        sent.append(frames(chance, total, smallest, largest))
        stream.send(sent[-1])
        streams.append(stream)

    def is_done():
        now = time.monotonic()
        for number, stream in enumerate(streams):
            # Reads for a while, stops for a while, each at its own times.
            stream.reads = int(now * 20 + number) % 2 == 0 or not stream.outgoing
            if stream.ended:
                raise Failed(f"stream {number} ended after {stream.received} bytes")
        return all(stream.received >= len(data) for stream, data in zip(streams, sent))

    pump(streams, is_done, timeout=100)
    for number, (stream, data) in enumerate(zip(streams, sent)):
        check(bytes(stream.incoming) == data, f"other bytes came back to client {number}")
        stream.close()
    return sum(map(len, sent))


def two_sends(setting):
    # Buffers that do not grow: a send blocks as soon as its client stops reading.
    write("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 32768")
    with setting.server("echo", "--mode", "packet", "--workers", "2") as server:
        total = echo_exactly(server, 50, setting.count(1_000_000, 200_000), 8, 2_000, 4_096)
        counted = server.counters()
    return (f"50 clients that read now and then, {total:,} bytes of small packets; every byte came back in order",
            {"blockedSends": counted["port"]["blockedSends"]})


def short_sends(setting):
    write("/proc/sys/net/ipv4/tcp_wmem", "4096 4096 4096")
    write("/proc/sys/net/ipv4/tcp_rmem", "4096 6000 6000")
    with setting.server("echo", "--mode", "packet", "--workers", "2") as server:
        total = echo_exactly(server, 20, setting.count(400_000, 150_000), 1_024, 65_535, 2_304)
        counted = server.counters()
    return (f"send and receive buffers of 4 KiB, packets of 1 to 64 KiB: {total:,} bytes came back in order",
            {"blockedSends": counted["port"]["blockedSends"]})


def reset_storm(setting):
    total = setting.count(100_000, 10_000)
    with setting.server("echo", "--workers", "2") as server:
        first = connect(server.address)
        first.sendall(b"x")
        receive_exactly(first, 1)
        before = descriptors(server.process.pid)
        payload = bytes(2_000)
        for number in range(total):
            connection = connect(server.address)
            connection.send(payload)
            if number % 4 == 0:
                connection.send(payload)
            reset(connection)
        wait_for(lambda: server.counters()["workers"]["sessions"] == 1, 20, "every session has ended")
        wait_for(lambda: descriptors(server.process.pid) == before, 5, "every descriptor is closed")
        first.sendall(b"y")
        check(receive_exactly(first, 1) == b"y", "who was there before is not served any more")
        first.close()
        counted = server.counters()
    return (f"{total:,} connections sent bytes and ended with a reset; no session, no descriptor is left, one that was "
            "there before is served on",
            {"resetConnections": counted["workers"]["accepted"] - 1})


def half_close(setting):
    total = setting.count(1_000, 200)
    size = 200_000
    with setting.server("echo", "--workers", "2") as server:
        data = random.Random(1).randbytes(size)
        streams = []
        for _ in range(total // 4):
            stream = Stream(server.address, receive_buffer=8_192)
            stream.send(data)
            stream.end_sending()
            streams.append(stream)
        pump(streams, lambda: all(stream.ended for stream in streams), timeout=100)
        for stream in streams:
            check(not stream.was_reset and bytes(stream.incoming) == data, "not all came back after the half-close")
            stream.close()
    with setting.server("serve") as server:
        goodbyes = 0
        for number in range(total):
            connection = connect(server.address)
            # A size below the header ends the session; more input behind it must not turn goodbye into a reset.
            connection.sendall(struct.pack("<HH", 2, 1) + bytes(number % 5 * 3_000))
            received = b""
            while piece := connection.recv(4_096):
                received += piece
            size, kind = struct.unpack_from("<HH", received)
            check(size == len(received) and kind == 3, f"no goodbye but {received[:8]!r}")
            goodbyes += 1
            connection.shutdown(socket.SHUT_WR)
            connection.close()
    return (f"{len(streams):,} clients ended their side first and got all {len(data):,} bytes and an end; {total:,} "
            "were ended by the server first, still sending: goodbye and an end, never a reset",
            {"clientFirst": len(streams), "serverFirst": goodbyes})
