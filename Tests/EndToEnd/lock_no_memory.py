#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program that may lock no memory, as a user with `ulimit -l 0` does.

    python3 lock_no_memory.py PROGRAM [ARGUMENT]...

Takes the capability CAP_IPC_LOCK away for good, because the limit does not
concern those who have it, sets RLIMIT_MEMLOCK to 0 and becomes the program.
"""

import ctypes
import os
import resource
import sys

PR_CAPBSET_DROP, CAP_IPC_LOCK = 24, 14


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 64
    # Without the right to drop it a process is not root and has lost it with the exec below anyway.
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
