#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program to which the kernel refuses io_uring, as container runtimes do.

    python3 deny_io_uring.py [--errno NAME|--kill] [--only CALL] PROGRAM [ARGUMENT]...

Installs a seccomp filter under which io_uring_setup, io_uring_enter and
io_uring_register, or only one of them, fail with EPERM or the errno of that
name or end the process, then becomes the program. Exits with 77 if this
machine does not allow filters.
"""

import argparse
import ctypes
import errno
import os
import platform
import struct
import sys

CANNOT_FILTER = 77

# The calls have the same numbers on every architecture.
CALLS = {"setup": 425, "enter": 426, "register": 427}
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, JUMP_IF_GREATER_OR_EQUAL, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, FAIL_WITH, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER_OFFSET, ARCHITECTURE_OFFSET = 0, 4


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def instruction(code, operand, if_true=0, if_false=0):
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def filter_of(architecture, calls, action):
    return b"".join([
        instruction(LOAD_WORD, ARCHITECTURE_OFFSET),
        # Calls of another architecture have other numbers; nothing to deny there.
        instruction(JUMP_IF_EQUAL, architecture, if_false=4),
        instruction(LOAD_WORD, NUMBER_OFFSET),
        instruction(JUMP_IF_GREATER_OR_EQUAL, min(calls), if_false=2),
        instruction(JUMP_IF_GREATER_OR_EQUAL, max(calls) + 1, if_true=1),
        instruction(RETURN, action),
        instruction(RETURN, ALLOW),
    ])


def install(calls, action):
    """Installs the filter that does this about these calls, numbers in a row."""
    load(filter_of(ARCHITECTURES[platform.machine()], calls, action))


def load(code):
    """Puts this process and what it becomes under a filter, for good."""
    buffer = ctypes.create_string_buffer(code, len(code))
    program = Program(len(code) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    for arguments in (
            (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0)):
        if prctl(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--errno", default="EPERM")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--only", choices=CALLS)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    code = getattr(errno, options.errno, None)
    if not options.command or code is None:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        calls = [CALLS[options.only]] if options.only else list(CALLS.values())
        install(calls, KILL if options.kill else FAIL_WITH | code)
    except (KeyError, OSError) as error:
        print(f"deny_io_uring: no filter can be installed: {error!r}", file=sys.stderr)
        return CANNOT_FILTER
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    sys.exit(main())
