# SPDX-License-Identifier: Apache-2.0
"""Reads what valgrind's callgrind writes: instructions of each function, and how often each was called.

The format is that of https://valgrind.org/docs/manual/cl-format.html; names may be compressed to numbers.
"""

import collections
import re

COMPRESSED = re.compile(r"\((\d+)\)(?: (.*))?$")


def read(path):
    """Instructions a function itself has executed, and calls of it, each by name."""
    own, calls, names = collections.Counter(), collections.Counter(), {}
    function, called, is_inclusive = None, None, False
    with open(path) as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("fn="):
                function = name(line[3:], names)
            elif line.startswith("cfn="):
                called = name(line[4:], names)
            elif line.startswith("calls="):
                calls[called] += int(line[6:].split()[0])
                # The next line is the cost of the call, which its function has already.
                is_inclusive = True
            elif line[:1] in "0123456789+-*" and line and function is not None:
                if not is_inclusive:
                    own[function] += int(line.split()[1])
                is_inclusive = False
    return own, calls


def name(text, names):
    """A name that may be `(number) name` the first time and `(number)` from then on."""
    match = COMPRESSED.match(text)
    if not match:
        return text
    number, given = match.groups()
    if given is not None:
        names[number] = given
    return names[number]
