#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes every target for its share of the time, then says which regions of the fuzzed files the corpus covers.

Fails when an input breaks a promise, and when the corpus covers less than 90 % of the regions of a target's files.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE / ".build"
CORPUS = HERE / "Corpus"
SWIFT = os.environ.get("SWIFT", "swift")
LEAST = 90.0

# Each target: the longest input, and the files whose regions count.
TARGETS = {
    "framing": (4096, [
        "Sources/Wire/BlockPool.swift", "Sources/Wire/Framing.swift", "Sources/Wire/Framing+Boundary.swift",
        "Sources/Wire/PacketReader.swift", "Sources/Wire/Reassembler.swift", "Sources/Wire/Text.swift",
    ]),
    "session": (1024, [
        "Sources/Gori/Sessions/Backlog.swift", "Sources/Gori/Sessions/Session.swift",
        "Sources/Gori/Sessions/SessionRecord.swift", "Sources/Gori/Sessions/SessionTable.swift",
        "Sources/Gori/Workers/TimerWheel.swift", "Sources/Gori/Workers/Worker.swift",
        "Sources/Gori/Workers/Worker+Deliver.swift", "Sources/Gori/Workers/Worker+End.swift",
        "Sources/Gori/Workers/Worker+Turn.swift", "Sources/Gori/Workers/WorkerCore.swift",
        "Sources/Gori/Workers/WorkerCore+Output.swift",
    ]),
    "address": (64, ["Sources/Overlapped/SocketAddress.swift"]),
}


def binary(target):
    return BUILD / "release" / f"Fuzz{target.capitalize()}"


def build(jobs):
    """One build for fuzzing and for coverage. The linker's warnings about the sanitizer's symbols mean nothing.

    Both sanitizers in one option behind that of `swift build`: of several the compiler heeds the last, and two
    `--sanitize` are passed on in an order that changes from run to run. `--sanitize=fuzzer` leaves `main` to libFuzzer.
    """
    command = [
        SWIFT, "build", "--package-path", str(HERE), "-c", "release", "--sanitize=fuzzer",
        "-Xswiftc", "-sanitize=fuzzer,address", "-Xcc", "-fsanitize=address",
        "-Xswiftc", "-profile-generate", "-Xswiftc", "-profile-coverage-mapping",
    ] + (["-j", str(jobs)] if jobs else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + "make fuzz: the build failed")


def run(target, arguments, profile=os.devnull, **options):
    # The backtracer of Swift would hold a crashed fuzzer up.
    environment = dict(os.environ, LLVM_PROFILE_FILE=str(profile), SWIFT_BACKTRACE="enable=no")
    return subprocess.run([str(binary(target))] + [str(each) for each in arguments], env=environment, **options)


def fuzz(target, seconds):
    """Returns whether nothing was found."""
    found = BUILD / "found" / target
    crashes = BUILD / "crashes"
    found.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(exist_ok=True)
    began = time.monotonic()
    done = run(target, [
        found, CORPUS / target, f"-max_total_time={seconds}", f"-max_len={TARGETS[target][0]}", "-timeout=20",
        f"-artifact_prefix={crashes}/{target}-", "-print_final_stats=1",
    ], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    runs = re.findall(r"stat::number_of_executed_units: +(\d+)", done.stdout)
    rate = re.findall(r"stat::average_exec_per_sec: +(\d+)", done.stdout)
    print(f"{target:8}  {runs[-1] if runs else '?':>10} executions in {time.monotonic() - began:.0f} s, "
          f"{rate[-1] if rate else '?'} each second", flush=True)
    if "inline 8-bit counters" not in done.stdout:
        sys.exit(f"make fuzz: {target} was built without the instrumentation that tells what an input reaches")
    if done.returncode == 0:
        return True
    print(done.stdout[-6000:])
    written = re.findall(r"Test unit written to (\S+)", done.stdout)
    for path in written:
        shown = os.path.relpath(path, ROOT)
        print(f"{target}: broken by {shown}\nagain: make fuzz FUZZ_ARGS='--reproduce {target} {shown}'")
    return False


def merge(target):
    """Makes the corpus anew: the fewest inputs, old and found, that reach what all of them do.

    How often a place is reached does not count here, or the corpus would grow with every run.
    """
    fresh = BUILD / "merged" / target
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (BUILD / "found" / target).mkdir(parents=True, exist_ok=True)
    kept = CORPUS / target
    kept.mkdir(parents=True, exist_ok=True)
    done = run(target, [
        "-set_cover_merge=1", "-use_counters=0", f"-max_len={TARGETS[target][0]}",
        f"-artifact_prefix={BUILD}/crashes/{target}-", fresh, kept, BUILD / "found" / target,
    ], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
    if done.returncode != 0 or "SUMMARY: libFuzzer" in done.stdout:
        sys.exit(done.stdout[-6000:] + f"make fuzz: merging {target} broke a promise; its corpus stays as it is")
    if not any(fresh.iterdir()):
        sys.exit(f"make fuzz: nothing came of merging {target}; its corpus stays as it is")
    for path in kept.iterdir():
        path.unlink()
    for path in fresh.iterdir():
        shutil.copy(path, kept / path.name)
    print(f"{target}: {len(list(kept.iterdir()))} inputs in the corpus")


def tool(name):
    """The one beside the compiler: coverage data has the compiler's version."""
    swift = shutil.which(SWIFT)
    beside = pathlib.Path(swift).resolve().parent / name if swift else None
    return str(beside) if beside and beside.exists() else name


def coverage(target):
    """Regions of each file: how many there are, and how many the corpus covers."""
    raw = BUILD / f"{target}.profraw"
    merged = BUILD / f"{target}.profdata"
    done = run(target, ["-runs=0", CORPUS / target], profile=raw, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
               encoding="utf-8", errors="replace")
    if done.returncode != 0:
        sys.exit(done.stdout[-6000:] + f"make fuzz: the corpus of {target} breaks a promise")
    subprocess.run([tool("llvm-profdata"), "merge", "-o", str(merged), str(raw)], check=True)
    files = [str(ROOT / path) for path in TARGETS[target][1]]
    export = subprocess.run(
        [tool("llvm-cov"), "export", "-summary-only", "-instr-profile", str(merged), str(binary(target))] + files,
        check=True, stdout=subprocess.PIPE, text=True)
    data = json.loads(export.stdout)["data"][0]["files"]
    regions = {each["filename"]: each["summary"]["regions"] for each in data}
    return [(path, regions.get(str(ROOT / path), {"count": 0, "covered": 0})) for path in TARGETS[target][1]]


def line(target, path, covered, count):
    share = 100.0 * covered / count if count else 0.0
    print(f"{target:8} {path:47} {covered:7} {count:5} {share:6.1f}{'' if share >= LEAST else f'  below {LEAST:.0f}'}")
    return share >= LEAST


def report(targets):
    """Prints the table; returns whether the files of every target are covered well enough, taken together."""
    print(f"\n{'regions covered by the corpus':56} {'covered':>7} {'of':>5} {'%':>6}")
    isEnough = True
    for target in targets:
        files = coverage(target)
        for path, regions in files:
            line(target, path, regions["covered"], regions["count"])
        covered, count = (sum(regions[each] for _, regions in files) for each in ("covered", "count"))
        isEnough = line(target, "all of them", covered, count) and isEnough
    return isEnough


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of fuzzing, in all; 0: only the corpus")
    parser.add_argument("--target", choices=list(TARGETS), action="append", help="only this one; may be repeated")
    parser.add_argument("--merge", action="store_true", help="put what is found into the corpus, minimised")
    parser.add_argument("--reproduce", nargs=2, metavar=("TARGET", "FILE"), help="run one input, and nothing else")
    parser.add_argument("--jobs", type=int, default=0, help="of the build")
    options = parser.parse_args()
    build(options.jobs)
    if options.reproduce:
        sys.exit(run(options.reproduce[0], [options.reproduce[1]]).returncode)
    targets = options.target or list(TARGETS)
    isClean = True
    for target in targets:
        if options.seconds > 0:
            isClean = fuzz(target, max(1, options.seconds // len(targets))) and isClean
    if not isClean:
        sys.exit("make fuzz: a promise was broken")
    for target in targets if options.merge else []:
        merge(target)
    if not report(targets):
        sys.exit(f"make fuzz: the files of a target are covered below {LEAST:.0f} % of its regions")


if __name__ == "__main__":
    main()
