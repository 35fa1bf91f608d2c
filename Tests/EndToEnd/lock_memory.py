#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program that may lock little memory, as a user with `ulimit -l` does.

    python3 lock_memory.py BYTES PROGRAM [ARGUMENT]...

Takes the capability CAP_IPC_LOCK away for good, because the limit does not
concern those who have it, sets RLIMIT_MEMLOCK and becomes the program.
"""

import ctypes
import os
import resource
import sys

PR_CAPBSET_DROP, CAP_IPC_LOCK = 24, 14


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 64
    # Without the right to drop it a process is not root and has lost it with the exec below anyway.
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
