# SPDX-License-Identifier: Apache-2.0
"""`gori serve --record` and `gori replay`: a run that was recorded comes out the same on any number of regions."""

import pathlib
import struct
import tempfile

import clients  # noqa: F401
import server as servers
from support import ServerTest, unique_name

HEADER = 12
COMMANDS, OUTPUTS, SECTORS = 1, 2, 3


def check(content):
    """The number behind a chunk: FNV-1a, and the finaliser of SplitMix64 over it and the length."""
    mask = 2 ** 64 - 1
    state = 0xCBF29CE484222325
    for byte in content:
        state = ((state ^ byte) * 0x100000001B3) & mask
    state ^= len(content)
    state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ state >> 27) * 0x94D049BB133111EB) & mask
    return state ^ state >> 31


def chunks(log):
    """The place of each whole chunk, its kind and its body."""
    place = HEADER
    while place + 13 <= len(log):
        length, kind = struct.unpack_from("<IB", log, place)
        yield place, kind, log[place + 5:place + 5 + length]
        place += 13 + length


def altered(log, place, body):
    content = bytes([log[place + 4]]) + body
    chunk = struct.pack("<I", len(body)) + content + struct.pack("<Q", check(content))
    return log[:place] + chunk + log[place + len(chunk):]


class Record(ServerTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "run.log"

    def record(self, *arguments):
        return self.serve("--workers", "2", "--spawn-area", "24", "--record", str(self.path), *arguments)

    def replay(self, *arguments, expect=0):
        done = servers.run("replay", str(self.path), *arguments, timeout=60)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done

    def play(self, server, count=60, seconds=3):
        host, port = server.address
        done = servers.run(
            "bots", "--connect", f"{host}:{port}", "--count", count, "--duration", seconds, "--ramp", 200, timeout=60)
        self.assertEqual(done.returncode, 0, f"{done.stderr}\n{server.log[-2_000:]}")

    def test_a_recorded_run_is_identical_on_one_two_and_eight_regions(self):
        server = self.record()
        self.play(server)
        self.assertGreater(sum(worker["crossings"] for worker in server.counters()["world"]), 0)
        server.stop()
        self.assertIn("recorded: ", server.log)
        summaries = set()
        for regions in (1, 2, 8):
            done = self.replay("--regions", regions)
            self.assertEqual(done.stderr, "")
            summary, end = done.stdout.rsplit(", on ", 1)
            self.assertEqual(end, f"{regions} regions\n")
            summaries.add(summary)
        self.assertEqual(len(summaries), 1)
        self.assertRegex(summaries.pop(), r"^identical: \d\d+ ticks, \d{3,} commands, \d{3,} outputs, \d\d+ sector")

    def test_chat_and_players_who_come_and_go_are_in_it(self):
        server = self.record()
        for _ in range(3):
            first, second = self.player(server), self.player(server)
            self.see_each_other(first, second)
            first.chat("안녕하세요")
            second.chat("hello")
            first.walk(20, window=10)
            first.close()
            self.assert_does_not_see(second, first)
            second.close()
        server.stop()
        for regions in (1, 2, 8):
            self.replay("--regions", regions)

    def test_the_log_of_a_server_that_was_killed_is_good_up_to_there(self):
        server = self.record()
        self.play(server, seconds=2)
        player = self.connect(server)
        player.enter(unique_name())
        player.walk(20)
        server.kill()
        done = self.replay("--regions", 8)
        self.assertIn("cut off", done.stderr)
        ticks = int(done.stdout.split()[1])
        self.assertGreater(ticks, 40)
        # And in the middle of an entry.
        log = self.path.read_bytes()
        self.path.write_bytes(log[:len(log) * 2 // 3 + 5])
        shorter = self.replay()
        self.assertIn("cut off", shorter.stderr)
        self.assertLess(int(shorter.stdout.split()[1]), ticks)

    def test_what_comes_out_differently_is_named(self):
        server = self.record()
        player = self.connect(server)
        player.enter(unique_name())
        player.walk(10)
        server.stop()
        log = self.path.read_bytes()
        place, body = next((place, body) for place, kind, body in chunks(log) if kind == OUTPUTS and len(body) > 14)
        tick, worker, count, session, digest = struct.unpack_from("<QHIQQ", body)
        self.path.write_bytes(altered(log, place, struct.pack("<QHIQQ", tick, worker, count, session, digest ^ 1)
                                      + body[30:]))
        done = self.replay("--regions", 1, expect=1)
        name = f"{session >> 56}.{session >> 32 & 0xFFFFFF}.{session & 0xFFFFFFFF}"
        self.assertIn(f"in tick {tick} session {name} ", done.stderr)

        place, body = next((place, body) for place, kind, body in chunks(log) if kind == SECTORS and len(body) > 14)
        tick, region, count, sector, number = struct.unpack_from("<QHIIQ", body)
        self.path.write_bytes(altered(log, place, struct.pack("<QHIIQ", tick, region, count, sector, number ^ 1)
                                      + body[26:]))
        done = self.replay("--regions", 2, expect=1)
        self.assertIn(f"after tick {tick} the sector at column {sector % 8192}, row {sector // 8192} ", done.stderr)

        # A step of another's way makes another world.
        place, body = next((place, body) for place, kind, body in chunks(log) if kind == COMMANDS and b"\x01" in body[
            26:27] and len(body) == 14 + 29)
        x, = struct.unpack_from("<H", body, len(body) - 4)
        self.path.write_bytes(altered(log, place, body[:-4] + struct.pack("<H", x ^ 64) + body[-2:]))
        self.assertIn("different: in tick ", self.replay(expect=1).stderr)

    def test_damage_is_named_by_its_place(self):
        server = self.record()
        server.stop()
        log = bytearray(self.path.read_bytes())
        place = list(chunks(log))[5][0]
        log[place + 6] ^= 1
        self.path.write_bytes(log)
        self.assertIn(f"damaged at byte {place}", self.replay(expect=1).stderr)

    def test_what_cannot_be_read_or_written_is_answered_with_one_line(self):
        self.path.write_text("no log")
        for arguments, status in (
                (("replay", str(self.path)), 1), (("replay", "/nowhere/run.log"), 1), (("replay",), 64),
                (("replay", str(self.path), "--regions", "0"), 64),
                (("serve", *self.LOCAL, "--record", "/nowhere/run.log"), 1),
                (("serve", *self.LOCAL, "--record", "/dev/full"), 1)):
            with self.subTest(arguments=arguments):
                done = servers.run(*arguments)
                self.assertEqual(done.returncode, status)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
