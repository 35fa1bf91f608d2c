#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the hot path with valgrind's callgrind, and holds them to recorded limits.

    python3 Benchmarks/instructions.py [--gori PATH] [--typed PATH] [--cells NAMES]
    python3 Benchmarks/instructions.py --update     records what there is as the limits
    python3 Benchmarks/instructions.py --functions  lists the functions of each cell as well

Each cell runs twice on the same program, with different numbers of rounds in which one client sends and waits for all
that comes of it; the difference, divided by the messages between, is what a message costs, without start and end.
Counts are of the program alone, never of the kernel, and come out the same on a busy machine. The last column is the
program beside the C reference, where that does the same work. Over epoll, because valgrind 3.19 lets no other thread
run while one waits in io_uring_enter(2); everything but the port is the same code.

The status is 1 when a cell costs more than its limit and the tolerance, or when messages allocate or count
references: what a turn does once does not matter, so cells are told from those with more messages in a turn.
`make instructions` builds what is needed.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import callgrind
from run import BUILT, ROOT, Failure, Program

LIMITS = pathlib.Path(__file__).resolve().parent / "instructions.json"
# More than this above a limit is a regression.
TOLERANCE = 0.03
# One call of an allocator or a counter of references for so many messages is not steady state.
RARE = 0.01
ROUNDS = (400, 2_400)
START_DEADLINE = 60.0
ANSWER_DEADLINE = 30.0
END_DEADLINE = 30.0

GORI = "{gori} echo --listen 127.0.0.1:0 --io epoll --workers 1 --mode {mode} --group {group}"
TYPED = "{typed} --listen 127.0.0.1:0 --io epoll --workers 1"
REFERENCE = "{built}/echo_epoll --mode {mode} --group {group}"


class Cell:
    """A kind of traffic: in a round one connection of each group sends `depth` messages, and all that comes is read."""

    def __init__(self, command, mode, connections, depth, sizes, group=0, answer=None):
        self.command, self.mode, self.connections, self.group = command, mode, connections, group
        self.payload = b"".join(message(sizes[index % len(sizes)], mode) for index in range(depth))
        self.depth = depth
        # Bytes of the answer to a message, where it differs from the message.
        self.expected = len(self.payload) if answer is None else answer * depth
        self.senders = range(connections) if not group else range(0, connections, group)
        # What is counted: messages that come back, or deliveries.
        self.messages = depth * connections
        self.messages_in_turn = depth * (group or 1)


def message(size, mode):
    """A packet with its header, which in echo is just bytes."""
    kind = 16 if mode == "typed" else 64
    return size.to_bytes(2, "little") + kind.to_bytes(2, "little") + bytes(size - 4)


CELLS = {
    "echo-64": Cell(GORI, "echo", 8, 1, [64]),
    "echo-64-d16": Cell(GORI, "echo", 8, 16, [64]),
    "echo-16k": Cell(GORI, "echo", 4, 1, [16_384]),
    "packet": Cell(GORI, "packet", 8, 1, [4, 64, 200, 30]),
    "packet-d16": Cell(GORI, "packet", 8, 16, [4, 64, 200, 30]),
    "broadcast-g10": Cell(GORI, "broadcast", 10, 1, [64], group=10),
    "broadcast-g10-d16": Cell(GORI, "broadcast", 10, 16, [64], group=10),
    "broadcast-g100": Cell(GORI, "broadcast", 100, 1, [64], group=100),
    "typed": Cell(TYPED, "typed", 8, 1, [20], answer=12),
    "typed-d16": Cell(TYPED, "typed", 8, 16, [20], answer=12),
    "typed-publish": Cell(TYPED + " --publish", "typed", 20, 1, [20], group=20, answer=12),
}

# Where the work is done, by the names of functions; what the compiler has inlined counts for its caller.
PHASES = [(name, re.compile(pattern)) for name, pattern in (
    ("runtime", r"^_?swift_|^swift::|^(malloc|free|calloc|realloc|_int_\w+)$"),
    ("copy", r"^_*(memcpy|memmove|memset|mempcpy)"),
    ("flush", r"flush|gather\(_:into:\)|clearOutput|settle|Port\.(send|putBlockedFirst)|PartArena|^(send|sendmsg|__libc_send\w*)"),
    ("encode", r"PacketWriter|\.encode\(|Framing\.encode|Session\.(reserve|commit|framing)"),
    ("enqueue", r"WorkerCore\.(send|publish|giveLog|commitLog)|Session\.(send|publish)|Outboxes|GroupTable|Block"),
    ("route", r"thunk|Server<>\.on|Handler|closure"),
    ("decode", r"Worker<>\.complete|Reassembler|Framing|PacketReader|\.init\(from:\)"),
    ("port", r"UringPort|UringRing|EpollPort|EpollSet|BufferRing|Doorbell|^cl_|syscall|^(recv|epoll_\w+|__libc_recv)"),
    ("turn", r""),
)]
# What must not be called for a message. A release without a retain gives back what a turn has taken.
FORBIDDEN = re.compile(
    r"^(swift_(retain|release|bridgeObjectRetain|bridgeObjectRelease|allocObject|slowAlloc)\w*|malloc|calloc|realloc)$")
# Cells of the same work, with few and with many messages in a turn: what grows with the messages is their own.
SLOPES = {"echo-64-d16": "echo-64", "packet-d16": "packet", "typed-d16": "typed", "broadcast-g100": "broadcast-g10",
          "broadcast-g10-d16": "broadcast-g10"}


def drive(port, cell, rounds):
    """Plays so many rounds, each after the last is answered: the server's batches are the same every time."""
    connections = []
    for _ in range(cell.connections):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.settimeout(ANSWER_DEADLINE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connections.append(connection)
    buffer = bytearray(1 << 20)
    for _ in range(rounds):
        for sender in cell.senders:
            connections[sender].sendall(cell.payload)
            # Without groups each is answered for itself, so that a turn has one connection, whatever the machine does.
            members = connections[sender:sender + (cell.group or 1)]
            for member in members:
                expect(member, cell.expected, buffer)
    for connection in connections:
        connection.close()


def expect(connection, count, buffer):
    while count > 0:
        received = connection.recv_into(buffer, count)
        if received == 0:
            raise Failure("the server closed a connection")
        count -= received


def count(command, cell, rounds):
    """Instructions and calls by function, of a server that plays so many rounds."""
    with tempfile.TemporaryDirectory(prefix="gori-instructions-") as directory:
        profile = os.path.join(directory, "profile")
        server = Program(["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", *command])
        try:
            port = None
            while (line := server.line(START_DEADLINE)) != "ready":
                word, _, address = line.partition(" ")
                if word == "listening":
                    port = int(address.rpartition(":")[2])
            drive(port, cell, rounds)
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(END_DEADLINE)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure(f"{command[0]}: {error}{server.last_words()}") from None
        finally:
            server.stop()
        return callgrind.read(profile)


def cost(command, cell):
    """Instructions and calls for a message, by function."""
    (few, few_calls), (many, many_calls) = (count(command, cell, rounds) for rounds in ROUNDS)
    messages = (ROUNDS[1] - ROUNDS[0]) * cell.messages
    return ({name: (many[name] - few[name]) / messages for name in many},
            {name: (many_calls[name] - few_calls[name]) / messages for name in many_calls})


def without_debug_information(program, directory):
    """A copy that valgrind can read: it knows no DWARF as new as that of Swift's compiler."""
    copy = os.path.join(directory, os.path.basename(program))
    if not os.path.exists(copy):
        subprocess.run(["objcopy", "--strip-debug", program, copy], check=True)
    return copy


def demangled(names):
    """Names as people read them, by the names of symbols."""
    names = list(names)
    done = subprocess.run(["swift-demangle", "--simplified", "--compact"], input="\n".join(names),
                          stdout=subprocess.PIPE, text=True, check=True)
    return dict(zip(names, done.stdout.splitlines()))


def phase(name):
    return next(label for label, pattern in PHASES if pattern.search(name))


class Counted:
    """What a message of a cell costs."""

    def __init__(self, cell, command):
        own, calls = cost(command, cell)
        names = demangled(own)
        self.functions = {names[name]: value for name, value in own.items()}
        self.total = sum(own.values())
        self.forbidden = sum(value for name, value in calls.items() if FORBIDDEN.search(name))
        self.turns = cell.messages_in_turn
        self.phases = {label: 0.0 for label, _ in PHASES}
        for name, value in own.items():
            self.phases[phase(names[name])] += value


def slope(few, many):
    """Forbidden calls of a message beyond those of its turn, from cells with different numbers of messages in one."""
    # calls = turn / messages in a turn + own
    turn = (few.forbidden - many.forbidden) / (1 / few.turns - 1 / many.turns)
    return few.forbidden - turn / few.turns


def row(name, counted, limit, reference):
    phases = "".join(f"{counted.phases[label]:8.1f}" for label, _ in PHASES)
    ratio = f"{counted.total / reference:8.2f}" if reference else f"{'':8}"
    return f"{name:16}{counted.total:9.1f}{limit or 0:9.1f}{phases}{counted.forbidden:8.3f}{ratio}"


def judge(counted, limits):
    """What is wrong, as lines."""
    wrong = []
    for name, cell in counted.items():
        if name not in limits:
            wrong.append(f"{name}: no limit is recorded: --update")
        elif cell.total > limits[name] * (1 + TOLERANCE):
            wrong.append(f"{name}: {cell.total:.1f} instructions a message, more than {limits[name]:.1f}"
                         f" and {TOLERANCE:.0%}")
    for many, few in SLOPES.items():
        if many in counted and few in counted and (own := slope(counted[few], counted[many])) > RARE:
            wrong.append(f"{many}: {own:.3f} allocations, retains and releases for each message; none is the promise")
    return wrong


def measure(options, programs):
    """Counts the cells. Returns them, and what could not be counted."""
    counted, failed = {}, []
    print(f"instructions a message, over epoll\n{'':16}{'all':>9}{'limit':>9}"
          + "".join(f"{label:>8}" for label, _ in PHASES) + f"{'memory':>8}{'/ C':>8}", flush=True)
    for name in options.cells:
        cell = CELLS[name]
        words = {**programs, "mode": cell.mode, "group": cell.group}
        try:
            counted[name] = Counted(cell, filled(cell.command, words))
            reference = None
            command = filled(REFERENCE, words)
            if cell.command == GORI and os.path.exists(command[0]):
                reference = Counted(cell, command).total
        except Failure as failure:
            counted.pop(name, None)
            failed.append(f"{name} was not counted: {failure}")
            continue
        print(row(name, counted[name], options.limits.get(name), reference), flush=True)
        if options.functions:
            for function, value in sorted(counted[name].functions.items(), key=lambda item: -item[1])[:40]:
                print(f"    {value:9.2f}  {phase(function):8} {function[:140]}")
    return counted, failed


def filled(command, words):
    return [word.format(**words) for word in shlex.split(command)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gori", default=str(ROOT / ".build/release/gori"), metavar="PATH")
    parser.add_argument("--typed", default=str(ROOT / ".build/release/Typed"), metavar="PATH")
    parser.add_argument("--cells", default=",".join(CELLS), metavar="NAMES")
    parser.add_argument("--functions", action="store_true", help="list functions")
    parser.add_argument("--update", action="store_true", help="record what there is as the limits")
    options = parser.parse_args()
    options.cells = options.cells.split(",")
    if unknown := [name for name in options.cells if name not in CELLS]:
        parser.error(f"no cell {unknown[0]}; there are {', '.join(CELLS)}")
    options.limits = json.loads(LIMITS.read_text()) if LIMITS.exists() else {}
    return options


def main():
    options = arguments()
    if missing := [tool for tool in ("valgrind", "objcopy", "swift-demangle") if not shutil.which(tool)]:
        sys.exit(f"instructions: no {missing[0]} here: make deps-test")
    with tempfile.TemporaryDirectory(prefix="gori-instructions-") as directory:
        programs = {"built": BUILT}
        for name, program in (("gori", options.gori), ("typed", options.typed)):
            if any("{" + name + "}" in CELLS[cell].command for cell in options.cells):
                programs[name] = without_debug_information(program, directory)
        counted, wrong = measure(options, programs)
    if options.update:
        options.limits.update({name: round(cell.total, 1) for name, cell in counted.items()})
        LIMITS.write_text(json.dumps(options.limits, indent=1, sort_keys=True) + "\n")
    wrong += judge(counted, options.limits)
    for line in wrong:
        print(f"INSTRUCTIONS: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
