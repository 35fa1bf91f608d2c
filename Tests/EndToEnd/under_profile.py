#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program under a seccomp profile, as a container runtime does.

    python3 under_profile.py [--without CALL]... PROFILE PROGRAM [ARGUMENT]...
    python3 under_profile.py --try CALL PROFILE

PROFILE is a file in the form that docker and podman take. What it does not
allow fails with its defaultErrnoRet. The second form makes one call without
arguments under the profile and prints its errno. Exits with 77 if this
machine does not allow filters.
"""

import argparse
import ctypes
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

from deny_io_uring import (
    ALLOW, ARCHITECTURE_OFFSET, ARCHITECTURES, CANNOT_FILTER, FAIL_WITH, JUMP_IF_EQUAL, KILL, LOAD_WORD,
    NUMBER_OFFSET, RETURN, instruction, load)

AND_WITH = 0x54
ARGUMENT_OFFSET, ARGUMENT_SIZE, WORD = 16, 8, 0xFFFFFFFF
NAMES = re.compile(r"^#define __NR_(\w+) (.+)$", re.MULTILINE)


def call_numbers():
    """The names of this machine's system calls, and their numbers, as the C compiler knows them."""
    headers = subprocess.run(
        ["cc", "-E", "-dM", "-x", "c", "-"], input="#include <sys/syscall.h>\n", capture_output=True, text=True,
        check=True, timeout=20).stdout
    values = dict(NAMES.findall(headers))
    numbers = {}
    for name, value in values.items():
        value = values.get(value.removeprefix("__NR_"), value)
        if value.isdigit():
            numbers[name] = int(value)
    return numbers


def action_of(rule):
    if rule["action"] == "SCMP_ACT_ALLOW":
        return ALLOW
    if rule["action"] == "SCMP_ACT_ERRNO":
        return FAIL_WITH | rule["errnoRet"]
    raise ValueError(f"{rule['action']} is not known here")


def comparison(argument):
    """Code that goes on when the argument is as it should be, and its place of the jump to fill in."""
    offset = ARGUMENT_OFFSET + ARGUMENT_SIZE * argument["index"]
    mask, value = {
        "SCMP_CMP_EQ": (WORD, argument["value"]),
        "SCMP_CMP_MASKED_EQ": (argument["value"], argument.get("valueTwo", 0)),
    }[argument["op"]]
    # Flags and families are 32 bits wide, so the upper half of the register is nobody's business.
    if max(mask, value) > WORD:
        raise ValueError(f"{argument} looks at more than 32 bits")
    return [(LOAD_WORD, offset), (AND_WITH, mask), (JUMP_IF_EQUAL, value)]


def rule_code(number, action, arguments):
    """Returns the action when number and arguments match, else goes on behind the rule."""
    code = [(LOAD_WORD, NUMBER_OFFSET), (JUMP_IF_EQUAL, number)]
    for argument in arguments:
        code += comparison(argument)
    code.append((RETURN, action))
    return b"".join(
        instruction(operation, operand, if_false=len(code) - place - 1 if operation == JUMP_IF_EQUAL else 0)
        for place, (operation, operand) in enumerate(code))


def filter_of(profile, architecture, without=()):
    numbers = call_numbers()
    code = [
        instruction(LOAD_WORD, ARCHITECTURE_OFFSET),
        instruction(JUMP_IF_EQUAL, architecture, if_true=1),
        instruction(RETURN, KILL),
    ]
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            # A profile is for every architecture, and not every one has every call.
            if name in numbers and name not in without:
                code.append(rule_code(numbers[name], action_of(rule), rule.get("args", ())))
    if profile["defaultAction"] != "SCMP_ACT_ERRNO":
        raise ValueError("a profile has to be a list of what is allowed")
    code.append(instruction(RETURN, FAIL_WITH | profile["defaultErrnoRet"]))
    return b"".join(code)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("profile", type=pathlib.Path)
    parser.add_argument("--try", dest="attempt")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    profile = json.loads(options.profile.read_text())
    code = filter_of(profile, ARCHITECTURES[platform.machine()], options.without)
    number = call_numbers()[options.attempt] if options.attempt else None
    call = ctypes.CDLL(None, use_errno=True).syscall
    try:
        load(code)
    except OSError as error:
        print(f"under_profile: no filter can be installed: {error!r}", file=sys.stderr)
        return CANNOT_FILTER
    if number is None:
        os.execvp(options.command[0], options.command)
    print(ctypes.get_errno() if call(number, 0, 0, 0, 0, 0, 0) < 0 else 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
