#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether what real kernels did is allowed by the simulated one: trace inclusion.

    python3 Tests/Fidelity/compare.py --allowed FILE... --real FILE... [--unseen]

The files hold what GORI_TRANSITIONS has written: lines of a kernel, a count
and a transition or a violation, with tabs between; or transitions alone, as
the committed set. The status is 1 if a real transition is not allowed, if
anything was violated, or if nothing was recorded.
"""

import argparse
import collections
import pathlib
import re
import sys

# What is recorded and not compared, and why.
EXCLUDED = {
    re.compile(r"ring (operation |cancel of operation)"):
        "operations of the caller's own sockets, which no worker starts and the model does not know",
    re.compile(r"plain .* -> EBADF$"):
        "calls that name nothing: tests of the engine make up numbers, and for the model they are a failed seed",
}
GROUPS = ["ring", "epoll", "plain"]
VIOLATION = "VIOLATION "
KERNELS = ("real", "simulated")


def read(path, kernel):
    """The counts of a kernel's transitions, `real` or `simulated`; a line that is a transition alone counts 1."""
    counts = collections.Counter()
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t") if "\t" in line else [kernel, "1", line]
        if len(fields) != 3 or fields[0] not in KERNELS or not fields[1].isdigit() or not is_known(fields[2]):
            raise ValueError(f"{path}:{number}: no transition: {line!r}")
        if fields[0] == kernel:
            counts[fields[2]] += int(fields[1])
    return counts


def is_known(text):
    return " -> " in text or text.startswith(VIOLATION)


def read_all(paths, kernel):
    total = collections.Counter()
    for path in paths:
        total.update(read(path, kernel))
    return total


def is_excluded(text):
    return any(pattern.match(text) for pattern in EXCLUDED)


def transitions(counts):
    return {text for text in counts if not text.startswith(VIOLATION)}


def compare(allowed, real):
    """What is wrong, as lines; none when the real transitions are among the allowed ones."""
    wrong = [f"simulated, {count} × {text}" for text, count in sorted(allowed.items()) if text.startswith(VIOLATION)]
    wrong += [f"real, {count} × {text}" for text, count in sorted(real.items()) if text.startswith(VIOLATION)]
    for group in ("ring", "epoll"):
        if not any(text.startswith(group + " ") and not is_excluded(text) for text in transitions(real)):
            wrong.append(f"nothing was recorded of {group}: is GORI_TRANSITIONS set, and the recorder compiled in?")
    unknown = {text for text in transitions(real) - transitions(allowed) if not is_excluded(text)}
    wrong += [f"not allowed by the simulated kernel, seen {real[text]} times: {text}" for text in sorted(unknown)]
    return wrong


def misses(allowed, real):
    """Real transitions whose lack the comparison would not notice, each taken out of the allowed ones in turn."""
    known = dict(allowed)
    missed = []
    for text in sorted(transitions(real) & transitions(allowed)):
        if is_excluded(text):
            continue
        count = known.pop(text)
        if not any(line.endswith(f": {text}") for line in compare(known, real)):
            missed.append(f"the comparison does not notice that the simulated kernel lacks: {text}")
        known[text] = count
    return missed


def table(allowed, real):
    """Counts for each group, as lines."""
    lines = [f"{'':8}{'real':>10}{'simulated':>12}{'both':>8}{'only real':>12}{'only simulated':>16}{'events':>14}"]
    for group in GROUPS:
        ours = {text for text in transitions(real) if text.startswith(group + " ") and not is_excluded(text)}
        theirs = {text for text in transitions(allowed) if text.startswith(group + " ") and not is_excluded(text)}
        lines.append(
            f"{group:8}{len(ours):>10}{len(theirs):>12}{len(ours & theirs):>8}{len(ours - theirs):>12}"
            f"{len(theirs - ours):>16}{sum(real[text] for text in ours):>14,}")
    for pattern, reason in EXCLUDED.items():
        count = sum(pattern.match(text) is not None for text in transitions(real))
        lines.append(f"not compared: {count} real transitions ({reason})")
    return lines


def report(allowed, real):
    """Prints the counts. Returns what is wrong."""
    print("\n".join(table(allowed, real)), flush=True)
    return compare(allowed, real) + misses(allowed, real)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--allowed", nargs="+", required=True, help="what the simulated kernel has done")
    parser.add_argument("--real", nargs="+", required=True, help="what a real kernel has done")
    parser.add_argument("--unseen", action="store_true", help="list what only the simulated kernel does")
    options = parser.parse_args()
    try:
        allowed, real = read_all(options.allowed, "simulated"), read_all(options.real, "real")
    except (OSError, ValueError) as error:
        sys.exit(f"fidelity: {error}")
    wrong = report(allowed, real)
    if options.unseen:
        for text in sorted(transitions(allowed) - transitions(real)):
            print(f"only simulated: {text}")
    for line in wrong:
        print(f"FIDELITY: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
