# SPDX-License-Identifier: Apache-2.0
"""Every packet of the Gori protocol, version 1: encode, decode, reassemble.

This module is written from the description of the protocol and shares no code
with the server, so that a mistake in either of the two shows as a difference.
It needs nothing but the standard library.

A packet starts with `size: u16` (the whole packet, header included) and
`type: u16`, little-endian; a packed body follows, fields in declared order.

    data = encode(Ping(token=7))
    packet = decode(PING_TYPE, body)
    for type_number, body in reassembler.feed(received): ...
"""

import struct
from dataclasses import make_dataclass

HEADER = struct.Struct("<HH")
SMALLEST_PACKET = HEADER.size
LARGEST_PACKET = 65_535

PROTOCOL_VERSION = 1
WORLD_FINGERPRINT = 0x476F_7269_0000_0001
BINARY_FORMAT = 0

FROM_CLIENT, FROM_SERVER, FROM_BOTH = "from the client", "from the server", "from both"


class PacketError(Exception):
    """Bytes that are no packet of this protocol, or values that no packet can carry."""


class Reader:
    """Takes a body apart from front to back."""

    def __init__(self, data):
        self.data = bytes(data)
        self.position = 0

    def take(self, count):
        end = self.position + count
        if end > len(self.data):
            raise PacketError(f"{end - len(self.data)} bytes are missing at offset {self.position}")
        piece = self.data[self.position:end]
        self.position = end
        return piece

    def finish(self):
        left_over = len(self.data) - self.position
        if left_over:
            raise PacketError(f"{left_over} bytes are left over")


class Integer:
    """An unsigned integer of fixed width."""

    def __init__(self, width):
        self.width = width

    def encode(self, value):
        try:
            return int(value).to_bytes(self.width, "little")
        except OverflowError as error:
            raise PacketError(f"{value} does not fit {self.width} bytes") from error

    def decode(self, reader):
        return int.from_bytes(reader.take(self.width), "little")


u8, u16, u32, u64 = Integer(1), Integer(2), Integer(4), Integer(8)


def length_of(maximum):
    """The integer that counts something of which there are at most `maximum`."""
    return u8 if maximum <= 255 else u16


class Text:
    """`string<maximum>`: the maximum is bytes of UTF-8, not characters."""

    def __init__(self, maximum):
        self.maximum = maximum

    def encode(self, value):
        data = value.encode("utf-8")
        self.check(data)
        return length_of(self.maximum).encode(len(data)) + data

    def decode(self, reader):
        data = reader.take(length_of(self.maximum).decode(reader))
        self.check(data)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise PacketError(f"invalid UTF-8: {error}") from error

    def check(self, data):
        if len(data) > self.maximum:
            raise PacketError(f"{len(data)} bytes in a string of at most {self.maximum}")
        if 0 in data:
            raise PacketError("U+0000 in a string")


class Array:
    """`T[maximum]`: a count, then the elements. A tuple in Python."""

    def __init__(self, maximum, element):
        self.maximum = maximum
        self.element = element

    def encode(self, value):
        if len(value) > self.maximum:
            raise PacketError(f"{len(value)} elements in an array of at most {self.maximum}")
        return length_of(self.maximum).encode(len(value)) + b"".join(map(self.element.encode, value))

    def decode(self, reader):
        count = length_of(self.maximum).decode(reader)
        if count > self.maximum:
            raise PacketError(f"{count} elements in an array of at most {self.maximum}")
        return tuple(self.element.decode(reader) for _ in range(count))


class Structure:
    """Some fields one after the other."""

    def __init__(self, kind, layout):
        self.kind = kind
        self.layout = layout

    def encode(self, value):
        return b"".join(codec.encode(getattr(value, name)) for name, codec in self.layout.items())

    def decode(self, reader):
        return self.kind(*[codec.decode(reader) for codec in self.layout.values()])


PACKETS = {}


def structure(name, /, **layout):
    # A dataclass, not a named tuple: two packets of different types with the
    # same values must not be equal.
    kind = make_dataclass(name, list(layout), frozen=True, namespace={"__module__": __name__})
    kind.structure = Structure(kind, layout)
    return kind


def packet(name, number, direction, /, **layout):
    kind = structure(name, **layout)
    kind.type_number = number
    kind.direction = direction
    PACKETS[number] = kind
    return kind


Character = structure("Character", id=u64, name=Text(20))

# The session layer.
Hello = packet("Hello", 1, FROM_CLIENT, version=u16, fingerprint=u64, format=u8, client=Text(32))
Welcome = packet(
    "Welcome", 2, FROM_SERVER, session=u64, server_time=u64, heartbeat=u16, maximum_packet=u16)
Goodbye = packet("Goodbye", 3, FROM_SERVER, reason=u8, text=Text(120))
Ping = packet("Ping", 4, FROM_BOTH, token=u64)
Pong = packet("Pong", 5, FROM_BOTH, token=u64, time=u64)

# The world.
Login = packet("Login", 16, FROM_CLIENT, request=u32, name=Text(20))
SelectCharacter = packet("SelectCharacter", 19, FROM_CLIENT, request=u32, character=u64)
Move = packet("Move", 20, FROM_CLIENT, sequence=u32, client_time=u64, x=u16, y=u16)
Chat = packet("Chat", 23, FROM_CLIENT, request=u32, scope=u8, text=Text(300))
Logout = packet("Logout", 28, FROM_CLIENT, request=u32)
LoginResult = packet(
    "LoginResult", 128, FROM_SERVER,
    request=u32, code=u8, text=Text(120), characters=Array(8, Character.structure))
EnterWorld = packet(
    "EnterWorld", 129, FROM_SERVER,
    request=u32, code=u8, object=u32, x=u16, y=u16, width=u16, height=u16, view=u8, tick=u16)
AddObject = packet("AddObject", 130, FROM_SERVER, object=u32, kind=u8, x=u16, y=u16, name=Text(20))
MoveObject = packet("MoveObject", 131, FROM_SERVER, object=u32, x=u16, y=u16)
RemoveObject = packet("RemoveObject", 132, FROM_SERVER, object=u32)
ChatMessage = packet("ChatMessage", 133, FROM_SERVER, object=u32, scope=u8, text=Text(300))
Result = packet("Result", 134, FROM_SERVER, request=u32, code=u8, text=Text(120))
MoveResult = packet(
    "MoveResult", 135, FROM_SERVER, sequence=u32, client_time=u64, code=u8, x=u16, y=u16)

# Reasons of a goodbye; above 63 they belong to games.
LEAVING, SHUTTING_DOWN, MALFORMED, HELLO_EXPECTED, HELLO_TIMEOUT = 1, 2, 3, 4, 5
UPDATE_NEEDED, VIOLATIONS, SILENT, SLOW_READER, FULL = 6, 7, 8, 9, 10
REFUSED, REPLACED, KICKED, FAILED, HANDLER_TIMED_OUT = 11, 12, 13, 14, 15

PLAYER, MONSTER = 0, 1


def frame(type_number, body=b"", size=None):
    """A packet of any type and body; `size` overrides the true one, for tests of bad input."""
    size = SMALLEST_PACKET + len(body) if size is None else size
    if size > LARGEST_PACKET:
        raise PacketError(f"a packet of {size} bytes; the header can express {LARGEST_PACKET}")
    return HEADER.pack(size, type_number) + body


def encode_body(value):
    return value.structure.encode(value)


def encode(value):
    """The whole packet, header included."""
    return frame(value.type_number, encode_body(value))


def decode(type_number, body):
    """The packet of a type and a body; PacketError if they are none."""
    kind = PACKETS.get(type_number)
    if kind is None:
        raise PacketError(f"unknown packet type {type_number}")
    reader = Reader(body)
    try:
        value = kind.structure.decode(reader)
        reader.finish()
    except PacketError as error:
        raise PacketError(f"{kind.__name__}: {error}") from error
    return value


class Reassembler:
    """Makes packets of a stream that arrives in pieces of any size."""

    def __init__(self):
        self.rest = bytearray()

    def feed(self, data):
        """Whole packets that `data` completed, as a list of (type, body)."""
        self.rest += data
        whole, start = [], 0
        while len(self.rest) - start >= HEADER.size:
            size, type_number = HEADER.unpack_from(self.rest, start)
            if size < SMALLEST_PACKET:
                raise PacketError(f"a packet of {size} bytes, less than its header")
            if len(self.rest) - start < size:
                break
            whole.append((type_number, bytes(self.rest[start + HEADER.size:start + size])))
            start += size
        del self.rest[:start]
        return whole
