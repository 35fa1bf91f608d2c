# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a kernel that seems to have no IPv6: socket(AF_INET6, …) fails with EAFNOSUPPORT.

    python3 deny_ipv6.py PROGRAM [ARGUMENT]...
"""

import ctypes
import errno
import os
import pathlib
import platform
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "EndToEnd"))

import deny_io_uring as filters  # noqa: E402

SOCKET_CALLS = {"x86_64": 41, "aarch64": 198}
FIRST_ARGUMENT_OFFSET = 16


def install():
    code = b"".join([
        filters.instruction(filters.LOAD_WORD, filters.NUMBER_OFFSET),
        filters.instruction(filters.JUMP_IF_EQUAL, SOCKET_CALLS[platform.machine()], if_false=3),
        filters.instruction(filters.LOAD_WORD, FIRST_ARGUMENT_OFFSET),
        filters.instruction(filters.JUMP_IF_EQUAL, socket.AF_INET6, if_false=1),
        filters.instruction(filters.RETURN, filters.FAIL_WITH | errno.EAFNOSUPPORT),
        filters.instruction(filters.RETURN, filters.ALLOW),
    ])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = filters.Program(len(code) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    mode = filters.SECCOMP_MODE_FILTER
    for arguments in ((filters.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                      (filters.PR_SET_SECCOMP, mode, ctypes.addressof(program), 0, 0)):
        if prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "no filter can be installed")


if __name__ == "__main__":
    install()
    os.execvp(sys.argv[1], sys.argv[1:])
