# SPDX-License-Identifier: Apache-2.0
"""A network namespace for a measurement: a loopback, no firewall, nobody else's connections, TCP with Reno.

The machine's congestion control may pace: BBR sends bulk over loopback by timers, and then a message of 64 KiB costs
three times the processor time for some seconds and not for others, in any server (docs/decisions/0029).
"""

import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import sys

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
CONGESTION_CONTROL = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")

libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags):
    if libc.unshare(flags):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def leave():
    """Out of the machine's network, with the help of a user namespace for whoever may not do so by right."""
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWNET)
    except PermissionError:
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        own = pathlib.Path("/proc/self")
        (own / "uid_map").write_text(f"{user} {user} 1")
        (own / "setgroups").write_text("deny")
        (own / "gid_map").write_text(f"{group} {group} 1")


def move():
    leave()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    CONGESTION_CONTROL.write_text("reno")


def why_not():
    """What forbids it, as a child finds out: there may be no way back from a network that does not work."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            move()
        except OSError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as words:
        reason = words.read()
    os.waitpid(child, 0)
    return reason


def enter():
    """Moves this process, which has one thread, and its children to come; says so where that is not possible."""
    reason = why_not()
    if reason:
        control = CONGESTION_CONTROL.read_text().strip()
        print(f"over the machine's network, with {control}: no network of our own: {reason}", file=sys.stderr)
        return
    move()
