# SPDX-License-Identifier: Apache-2.0
"""The count of instructions: reads what callgrind writes, notices what it must, and holds here."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent.parent / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import callgrind  # noqa: E402
import instructions  # noqa: E402

PROFILE = """\
version: 1
positions: line
events: Ir
fl=(1) main.c
fn=(1) main
10 5
+2 7
cfi=(2) other.c
cfn=(2) work
calls=3 20
* 60
-1 1
fi=(2)
fn=(2)
20 60
cfn=(3) malloc
calls=2 0
0 8
fn=(3)
0 8
"""


class Counted:
    def __init__(self, total, forbidden=0.0, turns=1):
        self.total, self.forbidden, self.turns = total, forbidden, turns


class Reading(unittest.TestCase):
    def test_own_instructions_and_calls_by_function(self):
        with tempfile.NamedTemporaryFile("w", suffix=".out") as file:
            file.write(PROFILE)
            file.flush()
            own, calls = callgrind.read(file.name)
        self.assertEqual(own, {"main": 13, "work": 60, "malloc": 8})
        self.assertEqual(calls, {"work": 3, "malloc": 2})


class Judging(unittest.TestCase):
    def test_within_the_tolerance_is_right(self):
        self.assertEqual(instructions.judge({"packet": Counted(102)}, {"packet": 100}), [])

    def test_more_than_the_tolerance_is_wrong(self):
        self.assertIn("104.0 instructions", instructions.judge({"packet": Counted(104)}, {"packet": 100})[0])

    def test_a_cell_without_a_limit_is_wrong(self):
        self.assertIn("no limit", instructions.judge({"packet": Counted(104)}, {})[0])

    def test_what_a_turn_does_once_is_no_cost_of_the_message(self):
        cells = {"packet": Counted(100, 7.0), "packet-d16": Counted(10, 7 / 16, 16)}
        self.assertEqual(instructions.judge(cells, {"packet": 100, "packet-d16": 10}), [])

    def test_a_retain_for_each_message_is_wrong(self):
        cells = {"packet": Counted(100, 8.0), "packet-d16": Counted(10, 7 / 16 + 1, 16)}
        wrong = instructions.judge(cells, {"packet": 100, "packet-d16": 10})
        self.assertEqual(len(wrong), 1)
        self.assertIn("1.000 allocations, retains and releases", wrong[0])

    def test_what_counts_as_one(self):
        for name in ("swift_retain", "swift_release", "swift_release_n", "swift_allocObject", "malloc"):
            self.assertRegex(name, instructions.FORBIDDEN)
        self.assertNotRegex("swift_isUniquelyReferenced_nonNull_native", instructions.FORBIDDEN)


class Counting(unittest.TestCase):
    def test_this_program_stays_within_its_limits(self):
        for tool in ("valgrind", "objcopy", "swift-demangle"):
            if not shutil.which(tool):
                self.skipTest(f"no {tool} here (make deps-test)")
        gori = os.environ.get("GORI", str(BENCHMARKS.parent / ".build/release/gori"))
        done = subprocess.run(
            [sys.executable, "-B", str(BENCHMARKS / "instructions.py"), "--gori", gori, "--cells",
             "packet,packet-d16"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("packet-d16", done.stdout)


if __name__ == "__main__":
    unittest.main()
