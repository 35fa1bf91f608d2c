# SPDX-License-Identifier: Apache-2.0
"""Ways in which a machine refuses io_uring, each with what Gori has to say about it."""

import collections
import errno
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CANNOT_FILTER = 77

# The answer to io_uring_setup, io_uring_enter and io_uring_register without arguments.
PROBE = (
    "import ctypes, json; libc = ctypes.CDLL(None, use_errno=True); "
    "print(json.dumps([[libc.syscall(n, 0, 0, 0, 0, 0, 0), ctypes.get_errno()] for n in (425, 426, 427)]))")

# The words are of the log, the cause is of the report of `doctor`.
Refusal = collections.namedtuple("Refusal", "name launcher code cause words remedy")


def denied(code, cause, words, remedy):
    launcher = (sys.executable, str(HERE / "deny_io_uring.py"), "--errno", errno.errorcode[code])
    return Refusal(errno.errorcode[code], launcher, code, cause, words, remedy)


SECCOMP = denied(errno.EPERM, "seccomp", "seccomp", "--security-opt seccomp=")
ABSENT = denied(errno.ENOSYS, "seccomp", "seccomp", "--security-opt seccomp=")
OLD = denied(errno.EINVAL, "missing-feature", "Linux 6.1", "Linux 6.1 or newer")
FULL = denied(errno.ENOMEM, None, "memory", "raise|free memory")
FILTERED = [SECCOMP, ABSENT, OLD, FULL]

# What a filter leaves of io_uring when it forgets a call: the set-up goes well and the rest does not.
HALF = [
    SECCOMP._replace(name=f"EPERM of {call}", launcher=(*SECCOMP.launcher, "--only", call))
    for call in ("enter", "register")]

# Whoever asks for io_uring is dead.
KILLER = (*SECCOMP.launcher[:2], "--kill")


def short_of_locked_memory(limit):
    """A user who may lock so many bytes."""
    return Refusal(
        "RLIMIT_MEMLOCK", (sys.executable, str(HERE / "lock_memory.py"), str(limit)), errno.ENOMEM, "memlock",
        f"limit of locked memory is {limit // 1_024} KiB", "ulimit -l")


NO_LOCKED_MEMORY = short_of_locked_memory(0)
# Enough for the trial and for the rings of one worker or two, at 340 KiB each.
SOME_LOCKED_MEMORY = short_of_locked_memory(1 << 20)


def answers(launcher):
    """What three io_uring calls return under a launcher; None if filters cannot be installed here."""
    done = subprocess.run(
        [*launcher, sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=20)
    return None if done.returncode == CANNOT_FILTER else json.loads(done.stdout)


def locked_memory_counts():
    """Whether this kernel counts rings as locked memory: whether a ring fails without any."""
    setup = (
        "import ctypes, sys; libc = ctypes.CDLL(None, use_errno=True); "
        "made = libc.syscall(425, 8, ctypes.create_string_buffer(120)); "
        "sys.exit(0 if made >= 0 else ctypes.get_errno())")
    done = subprocess.run([*NO_LOCKED_MEMORY.launcher, sys.executable, "-c", setup], timeout=20)
    return done.returncode == errno.ENOMEM
