# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks' tables say (the median of ratios, and how far off it may be), and the network they use."""

import importlib.util
import os
import pathlib
import random
import subprocess
import sys
import unittest

import networks

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks"))
# Enters, and says where it is then and whether its loopback works.
ENTER = '''
import network, os, socket
network.enter()
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5):
    print(os.readlink("/proc/self/ns/net"), network.CONGESTION_CONTROL.read_text().strip(), os.getuid())
'''


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


class Network(unittest.TestCase):
    def enter(self, *prefix):
        done = subprocess.run(
            [*prefix, sys.executable, "-B", "-c", ENTER], cwd=ROOT / "Benchmarks", capture_output=True, text=True,
            timeout=20, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split(), done.stderr

    @unittest.skipUnless(networks.HAS_NETWORKS, "no network namespaces here")
    def test_is_its_own_and_does_not_pace(self):
        (place, control, user), said = self.enter()
        self.assertNotEqual(place, os.readlink("/proc/self/ns/net"))
        self.assertEqual((control, user, said), ("reno", str(os.getuid()), ""))

    @unittest.skipUnless(networks.HAS_USERS, "no user namespaces here")
    def test_is_the_machines_where_there_can_be_no_other(self):
        (place, _, _), said = self.enter(*networks.WITHOUT_NETWORKS)
        self.assertEqual(place, os.readlink("/proc/self/ns/net"))
        self.assertRegex(said, "^over the machine's network, with [a-z0-9_]+: no network of our own: .")


if __name__ == "__main__":
    unittest.main()
