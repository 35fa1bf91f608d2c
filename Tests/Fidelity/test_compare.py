# SPDX-License-Identifier: Apache-2.0
"""That the comparison fails when it must.

    python3 -B -m unittest discover -s Tests/Fidelity -t Tests/Fidelity
"""

import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

import compare

HERE = pathlib.Path(__file__).resolve().parent
SEND = "ring silent send -> silence"
READ = "epoll recv -> part"
OTHER = "plain shutdown -> done"


class Compare(unittest.TestCase):
    def counts(self, *texts):
        return compare.collections.Counter(texts)

    def test_what_the_simulated_kernel_does_is_allowed(self):
        self.assertEqual(compare.compare(self.counts(SEND, READ, OTHER), self.counts(SEND, READ)), [])

    def test_what_it_never_does_is_named(self):
        wrong = compare.compare(self.counts(SEND, OTHER), self.counts(SEND, READ))
        self.assertEqual(wrong, [f"not allowed by the simulated kernel, seen 1 times: {READ}"])

    def test_violations_fail_whoever_did_them(self):
        violation = "VIOLATION more bytes than were asked for: recv: 2 of 1"
        allowed, real = self.counts(SEND, READ), self.counts(SEND, READ)
        self.assertEqual(compare.compare(allowed, real + self.counts(violation)), [f"real, 1 × {violation}"])
        self.assertEqual(compare.compare(allowed + self.counts(violation), real), [f"simulated, 1 × {violation}"])

    def test_nothing_recorded_is_no_success(self):
        for real in (self.counts(), self.counts(SEND), self.counts(READ), self.counts("ring operation send -> whole")):
            self.assertTrue(compare.compare(self.counts(SEND, READ), real), real)

    def test_operations_of_the_caller_are_counted_and_not_compared(self):
        real = self.counts(SEND, READ, "ring operation send -> whole")
        self.assertEqual(compare.compare(self.counts(SEND, READ), real), [])
        self.assertIn("1 real transitions", "\n".join(compare.table(self.counts(SEND, READ), real)))

    def test_each_lack_would_be_noticed(self):
        self.assertEqual(compare.misses(self.counts(SEND, READ), self.counts(SEND, READ)), [])
        original = compare.compare
        try:
            compare.compare = lambda allowed, real: []
            self.assertEqual(len(compare.misses(self.counts(SEND, READ), self.counts(SEND, READ))), 2)
        finally:
            compare.compare = original


class Files(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "recorded.txt"

    def test_kernels_are_kept_apart_and_counts_added(self):
        self.path.write_text(f"real\t2\t{SEND}\nsimulated\t5\t{READ}\nreal\t3\t{SEND}\n# a word\n\n")
        self.assertEqual(compare.read(self.path, "real"), {SEND: 5})
        self.assertEqual(compare.read(self.path, "simulated"), {READ: 5})

    def test_what_is_no_transition_is_an_error(self):
        for line in ("nonsense", f"real\tmany\t{SEND}", f"2\t{SEND}", f"other\t2\t{SEND}"):
            self.path.write_text(line + "\n")
            with self.assertRaises(ValueError, msg=line):
                compare.read(self.path, "real")

    def test_the_status_says_it(self):
        self.path.write_text(f"real\t2\t{SEND}\nreal\t1\t{READ}\n")
        allowed = self.path.with_name("allowed.txt")
        for texts, status in (((SEND, READ), 0), ((SEND,), 1)):
            allowed.write_text("\n".join(texts))
            done = subprocess.run(
                [sys.executable, "-B", HERE / "compare.py", "--allowed", allowed, "--real", self.path],
                capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stdout)
            self.assertEqual(f"FIDELITY: not allowed by the simulated kernel, seen 1 times: {READ}" in done.stdout,
                             status == 1)

    def test_the_report_has_the_numbers(self):
        output = io.StringIO()
        counts = compare.collections.Counter({SEND: 3, READ: 4})
        with contextlib.redirect_stdout(output):
            self.assertEqual(compare.report(counts, counts), [])
        self.assertRegex(output.getvalue(), r"ring +1 +1 +1 +0 +0 +3\n")


if __name__ == "__main__":
    unittest.main()
