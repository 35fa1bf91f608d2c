# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks' tables say: the median of ratios, and how far off it may be."""

import importlib.util
import pathlib
import random
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def benchmark():
    spec = importlib.util.spec_from_file_location("bench", ROOT / "Benchmarks" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Interval(unittest.TestCase):
    def setUp(self):
        self.bench = benchmark()

    def test_holds_the_true_median_19_times_of_20(self):
        dice = random.Random(7)
        for count in (12, 24, 60, 120):
            # Skewed, as times are.
            hits = sum(
                low <= 1 <= high
                for low, high in (
                    self.bench.interval([dice.lognormvariate(0, 0.3) for _ in range(count)]) for _ in range(2_000)))
            self.assertGreaterEqual(hits, 1_880, count)
            self.assertLessEqual(hits, 1_985, count)

    def test_of_few_values_is_all_of_them(self):
        self.assertEqual(self.bench.interval([2.0]), (2.0, 2.0))
        self.assertEqual(self.bench.interval([3.0, 1.0, 2.0]), (1.0, 3.0))

    def test_a_row_is_told_with_its_interval(self):
        row = {"cpu": (0.9, 0.95, 1.0), "cpu_interval": (0.93, 0.97)}
        self.assertEqual(self.bench.ratio(row, "cpu"), " 0.950 (0.930-0.970)")


if __name__ == "__main__":
    unittest.main()
