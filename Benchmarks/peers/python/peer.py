#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The peer of Python: protocols on the event loop of asyncio or on uvloop, which offers the same.

    peer.py [--loop asyncio|uvloop] [--port N] [--mode echo|packet|broadcast] [--group G]

Both loops set TCP_NODELAY by themselves. One thread: more of them would share one interpreter lock.
"""

import argparse
import asyncio

HEADER = 4
# A member that does not read is dropped when this much waits for it.
BACKLOG_LIMIT = 4 << 20


class Echo(asyncio.Protocol):
    __slots__ = ("transport",)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    # Whoever does not read is not read from.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class Packets(Echo):
    """Hands runs of whole packets to `take`."""

    __slots__ = ("carry",)

    def __init__(self):
        self.carry = b""

    def data_received(self, data):
        if self.carry:
            data = self.carry + data
        whole, count = 0, len(data)
        while count - whole >= 2:
            size = data[whole] | data[whole + 1] << 8
            if size < HEADER or size > count - whole:
                break
            whole += size
        else:
            size = HEADER
        self.carry = b"" if whole == count else data[whole:]
        if whole:
            self.take(data if whole == count else data[:whole])
        if size < HEADER:
            self.transport.close()

    def take(self, packets):
        self.transport.write(packets)


class Group:
    """What members say in one turn of the loop goes out at its end, in one write for each."""

    def __init__(self, loop):
        self.loop = loop
        self.transports = []
        self.arrived = 0
        self.log = []

    def say(self, packets):
        if not self.log:
            # Runs after everything that was ready has been read.
            self.loop.call_soon(self.flush)
        self.log.append(packets)

    def flush(self):
        packets = self.log[0] if len(self.log) == 1 else b"".join(self.log)
        self.log.clear()
        for transport in self.transports:
            transport.write(packets)
            if transport.get_write_buffer_size() > BACKLOG_LIMIT:
                transport.abort()


class Member(Packets):
    __slots__ = ("hub", "group", "take")

    def __init__(self, hub):
        super().__init__()
        self.hub = hub

    def connection_made(self, transport):
        super().connection_made(transport)
        self.group = self.hub.next_group()
        self.group.transports.append(transport)
        self.take = self.group.say

    def connection_lost(self, error):
        self.group.transports.remove(self.transport)

    def pause_writing(self):
        """Others go on: see BACKLOG_LIMIT."""

    def resume_writing(self):
        pass


class Hub:
    """Forms groups in order of arrival; of everybody when the size is 0."""

    def __init__(self, loop, size):
        self.loop = loop
        self.size = size
        self.filling = None

    def next_group(self):
        if self.filling is None or 0 < self.size <= self.filling.arrived:
            self.filling = Group(self.loop)
        self.filling.arrived += 1
        return self.filling


async def serve(options):
    loop = asyncio.get_running_loop()
    hub = Hub(loop, options.group)
    make = {"echo": Echo, "packet": Packets, "broadcast": lambda: Member(hub)}[options.mode]
    server = await loop.create_server(make, "127.0.0.1", options.port, backlog=4096)
    print(f"listening 127.0.0.1:{server.sockets[0].getsockname()[1]}\nready", flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", choices=("echo", "packet", "broadcast"), default="echo")
    parser.add_argument("--group", type=int, default=10)
    options = parser.parse_args()
    if options.loop == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
