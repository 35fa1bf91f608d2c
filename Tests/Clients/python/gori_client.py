#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A blocking client of the Gori world server, for tests and as an example.

As a module:

    client = Client()
    client.connect("127.0.0.1", 7777)
    client.enter("ann")                  # hello, login, select
    client.walk(100)                     # checks its position at every answer
    client.chat("hello")
    client.logout()

As a program:

    python3 gori_client.py --connect 127.0.0.1:7777 --name ann --walk 100

The client checks what it is told: an object added twice, moved or removed
without having been added, or an answer that does not fit its request raises
`ProtocolError`. Every wait has a deadline.
"""

import argparse
import itertools
import sys
import time
from collections import deque
from dataclasses import dataclass

from gori_connection import Connection, ProtocolError, SessionEnded, parse_address
from gori_packets import (
    BINARY_FORMAT, LEAVING, PROTOCOL_VERSION, WORLD_FINGERPRINT, AddObject, Chat, ChatMessage,
    EnterWorld, Hello, Login, LoginResult, Logout, Move, MoveObject, MoveResult, PacketError, Ping,
    Pong, RemoveObject, Result, SelectCharacter, Welcome)
from gori_senders import BatchSender, ByteSender, ChunkSender, WholeSender

DIRECTIONS = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass
class Seen:
    """An object that the server has told of and not yet taken away."""

    kind: int
    name: str
    position: tuple


class Client(Connection):
    """A player, or somebody about to become one."""

    def __init__(self, sender=None, timeout=10.0):
        super().__init__(sender, timeout)
        self.welcome = None
        self.name = None
        self.object = None
        self.position = None
        self.width = self.height = self.view = 0
        self.objects = {}
        self.chats = []
        self.moves_done = 0
        self._requests = itertools.count(1)
        self._sequences = itertools.count(1)
        self._moves_under_way = deque()

    # Requests.

    def hello(self, version=PROTOCOL_VERSION, fingerprint=WORLD_FINGERPRINT, client="python"):
        self.send(Hello(version, fingerprint, BINARY_FORMAT, client))
        self.welcome = self.expect(Welcome)
        return self.welcome

    def login(self, name, request=None):
        request = self._request(request)
        self.send(Login(request, name))
        result = self.expect(LoginResult)
        self._check_request(result, request)
        if result.code == 0:
            self.name = name
        return result

    def select(self, character, request=None):
        request = self._request(request)
        self.send(SelectCharacter(request, character))
        entered = self.expect(EnterWorld)
        self._check_request(entered, request)
        return entered

    def enter(self, name):
        """Hello, login with the account's only character, select."""
        self.hello()
        result = self.login(name)
        if result.code != 0 or not result.characters:
            raise ProtocolError(f"login as {name!r} refused: {result}")
        entered = self.select(result.characters[0].id)
        if entered.code != 0:
            raise ProtocolError(f"{name!r} may not enter: {entered}")
        return entered

    def chat(self, text, scope=0, request=None):
        request = self._request(request)
        self.send(Chat(request, scope, text))
        return self.expect(Result, lambda result: result.request == request)

    def ping(self):
        token = self._random.getrandbits(64)
        self.send(Ping(token))
        pong = self.expect(Pong)
        if pong.token != token:
            raise ProtocolError(f"ping {token} was answered with {pong}")
        return pong

    def logout(self):
        """Leaves. The server says goodbye, after or instead of a result."""
        self.send(Logout(self._request(None)))
        return self.receive_end()

    def _request(self, request):
        return next(self._requests) if request is None else request

    def _check_request(self, answer, request):
        if answer.request != request:
            raise ProtocolError(f"request {request} was answered with {answer}")

    # Moving.

    @property
    def destination(self):
        """Where the player will stand once every move under way has been done."""
        return self._moves_under_way[-1][2] if self._moves_under_way else self.position

    def send_move(self, x, y, sequence=None, client_time=None):
        """Asks for a move and does not wait. The answer is checked when it is received."""
        if sequence is None:
            sequence = next(self._sequences)
        if client_time is None:
            # Any bits: the server may not look at the client's time.
            client_time = self._random.getrandbits(64)
        self._moves_under_way.append((sequence, client_time, (x, y)))
        self.send(Move(sequence, client_time, x, y))

    def move(self, x, y):
        self.send_move(x, y)
        return self.expect(MoveResult)

    def settle(self):
        """Waits for the answers to all moves under way."""
        while self._moves_under_way:
            result = self.expect(MoveResult)
            if result.code != 0:
                raise ProtocolError(f"a legal move was refused: {result}")

    def walk(self, steps, window=1, pace=0.0, side=25):
        """Walks squares of a side; `window` moves go out before their answers are awaited."""
        direction = taken = 0
        for step in range(steps):
            if taken == side or not self.is_inside(*self._ahead(direction)):
                direction, taken = (direction + 1) % 4, 0
                while not self.is_inside(*self._ahead(direction)):
                    direction = (direction + 1) % 4
            self.send_move(*self._ahead(direction))
            taken += 1
            if len(self._moves_under_way) >= window:
                self.settle()
            if pace and step + 1 < steps:
                # Counted from the answer, so that no jitter of the network can
                # bring two moves closer together than the server allows.
                self._idle(pace)
        self.settle()

    def walk_to(self, x, y, window=64):
        """Walks to a tile, first along x, then along y."""
        while self.destination != (x, y):
            here = self.destination
            if here[0] != x:
                self.send_move(here[0] + (1 if x > here[0] else -1), here[1])
            else:
                self.send_move(x, here[1] + (1 if y > here[1] else -1))
            if len(self._moves_under_way) >= window:
                self.settle()
        self.settle()

    def is_inside(self, x, y):
        return 0 <= x < self.width and 0 <= y < self.height

    def distance_to(self, other):
        """In tiles, as the view counts them: the longer of both axes."""
        return max(abs(mine - theirs) for mine, theirs in zip(self.position, other.position))

    def _ahead(self, direction):
        x, y = self.destination
        return x + DIRECTIONS[direction][0], y + DIRECTIONS[direction][1]

    def _idle(self, seconds):
        deadline = time.monotonic() + seconds
        try:
            while self.receive(deadline - time.monotonic()) is not None:
                pass
        except TimeoutError:
            return
        raise SessionEnded(f"the stream ended during a pause, after {self.goodbye}")

    # What the server tells.

    def take_note(self, value):
        handler = self._handlers.get(type(value))
        if handler is not None:
            handler(self, value)

    def _on_enter_world(self, value):
        if value.code == 0:
            self.object = value.object
            self.position = (value.x, value.y)
            self.width, self.height, self.view = value.width, value.height, value.view
            if not self.is_inside(value.x, value.y):
                raise ProtocolError(f"the player stands outside the map: {value}")

    def _on_add_object(self, value):
        if self._is_foreign(value):
            if value.object in self.objects:
                raise ProtocolError(f"{value} is known already")
            if not self.is_inside(value.x, value.y):
                raise ProtocolError(f"{value} is outside the map")
            self.objects[value.object] = Seen(value.kind, value.name, (value.x, value.y))

    def _on_move_object(self, value):
        if self._is_foreign(value):
            if value.object not in self.objects:
                raise ProtocolError(f"{value} is not known")
            if not self.is_inside(value.x, value.y):
                raise ProtocolError(f"{value} is outside the map")
            self.objects[value.object].position = (value.x, value.y)

    def _on_remove_object(self, value):
        if self._is_foreign(value) and self.objects.pop(value.object, None) is None:
            raise ProtocolError(f"{value} is not known")

    def _is_foreign(self, value):
        if self.object is None:
            raise ProtocolError(f"{value} came before the player was in the world")
        return value.object != self.object

    def _on_chat_message(self, value):
        self.chats.append(value)

    def _on_move_result(self, value):
        if not self._moves_under_way:
            raise ProtocolError(f"{value} answers nothing")
        sequence, client_time, target = self._moves_under_way.popleft()
        if (value.sequence, value.client_time) != (sequence, client_time):
            raise ProtocolError(f"move {sequence} at time {client_time} was answered with {value}")
        expected = target if value.code == 0 else self.position
        if (value.x, value.y) != expected:
            raise ProtocolError(f"expected to stand on {expected}, was told {value}")
        self.position = expected
        self.moves_done += value.code == 0

    _handlers = {
        EnterWorld: _on_enter_world, AddObject: _on_add_object, MoveObject: _on_move_object,
        RemoveObject: _on_remove_object, ChatMessage: _on_chat_message,
        MoveResult: _on_move_result,
    }


def arguments(argv):
    parser = argparse.ArgumentParser(
        description="Logs in, walks, chats once, leaves, and checks every answer.",
        epilog="example: gori_client.py --connect 127.0.0.1:7777 --name ann --walk 100 --send bytes")
    parser.add_argument("--connect", required=True, type=parse_address, metavar="HOST:PORT")
    parser.add_argument("--name", default="python")
    parser.add_argument("--walk", type=int, default=100, metavar="TILES")
    parser.add_argument(
        "--pace", type=int, default=250, metavar="MS", help="between an answer and the next move")
    parser.add_argument(
        "--send", choices=("whole", "bytes", "chunks", "batch"), default="whole",
        help="how bytes are handed to the kernel: each packet, one by one, in random chunks, or "
             "many packets at once (with --pace 0)")
    parser.add_argument("--batch", type=int, default=10, help="packets in one write")
    parser.add_argument("--seed", type=int, default=1, help="of the random chunks")
    parser.add_argument(
        "--fingerprint", type=lambda text: int(text, 0), default=WORLD_FINGERPRINT,
        help="as the server prints it at start")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="of each answer")
    return parser.parse_args(argv)


def play(options):
    sender = {
        "whole": WholeSender, "bytes": ByteSender,
        "chunks": lambda: ChunkSender(options.seed), "batch": lambda: BatchSender(options.batch),
    }[options.send]()
    window = options.batch if options.send in ("chunks", "batch") and not options.pace else 1
    began = time.monotonic()
    with Client(sender, options.timeout).connect(*options.connect) as client:
        client.hello(fingerprint=options.fingerprint)
        login = client.login(options.name)
        if login.code != 0 or not login.characters:
            raise ProtocolError(f"login refused: {login}")
        entered = client.select(login.characters[0].id)
        if entered.code != 0:
            raise ProtocolError(f"may not enter: {entered}")
        client.walk(options.walk, window=window, pace=options.pace / 1000)
        chat = client.chat(f"{options.name} has walked {options.walk} tiles")
        if chat.code != 0:
            raise ProtocolError(f"chat refused: {chat}")
        seen, position = len(client.objects), client.position
        goodbye = client.logout()
        if goodbye is None or goodbye.reason != LEAVING:
            raise ProtocolError(f"expected goodbye({LEAVING}) after logout, got {goodbye}")
    print(f"{options.name}: {client.moves_done} of {options.walk} tiles walked from "
          f"({entered.x}, {entered.y}) to {position}, {seen} objects in view at the end, "
          f"{time.monotonic() - began:.1f} s")


def main(argv=None):
    options = arguments(argv)
    try:
        play(options)
    except (ProtocolError, PacketError, OSError) as error:
        print(f"gori_client: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
