# SPDX-License-Identifier: Apache-2.0
"""Encoding, decoding and reassembly, against bytes worked out by hand."""

import random
import unittest

from gori_packets import *


EXAMPLES = {
    Hello(1, WORLD_FINGERPRINT, 0, "py"): "1200 0100 0100 0100000069726f47 00 02 7079",
    Welcome(2, 3, 10_000, 16_384): "1800 0200 0200000000000000 0300000000000000 1027 0040",
    Goodbye(3, "no"): "0800 0300 03 02 6e6f",
    Ping(0x0102030405060708): "0c00 0400 0807060504030201",
    Pong(1, 2): "1400 0500 0100000000000000 0200000000000000",
    Login(7, "ann"): "0c00 1000 07000000 03 616e6e",
    SelectCharacter(8, 9): "1000 1300 08000000 0900000000000000",
    Move(1, 2, 3, 4): "1400 1400 01000000 0200000000000000 0300 0400",
    Chat(1, 0, "hé"): "0e00 1700 01000000 00 0300 68c3a9",
    Logout(5): "0800 1c00 05000000",
    LoginResult(7, 0, "", (Character(1, "ann"),)):
        "1700 8000 07000000 00 00 01 0100000000000000 03 616e6e",
    LoginResult(7, 2, "bad name", ()): "1300 8000 07000000 02 08 626164206e616d65 00",
    EnterWorld(1, 0, 2, 3, 4, 2000, 2000, 15, 50):
        "1800 8100 01000000 00 02000000 0300 0400 d007 d007 0f 3200",
    AddObject(2, 1, 3, 4, "rat"): "1100 8200 02000000 01 0300 0400 03 726174",
    MoveObject(2, 3, 4): "0c00 8300 02000000 0300 0400",
    RemoveObject(2): "0800 8400 02000000",
    ChatMessage(2, 0, "hi"): "0d00 8500 02000000 00 0200 6869",
    Result(1, 0, ""): "0a00 8600 01000000 00 00",
    MoveResult(1, 2, 0, 3, 4): "1500 8700 01000000 0200000000000000 00 0300 0400",
}


def body_of(data):
    return data[HEADER.size:]


class Encoding(unittest.TestCase):
    def test_every_packet_type_has_an_example(self):
        self.assertEqual({type(value) for value in EXAMPLES}, set(PACKETS.values()))

    def test_a_packet_is_its_documented_bytes(self):
        for value, text in EXAMPLES.items():
            with self.subTest(packet=type(value).__name__):
                self.assertEqual(encode(value).hex(), text.replace(" ", ""))

    def test_what_was_encoded_decodes_to_the_same(self):
        for value in EXAMPLES:
            with self.subTest(packet=type(value).__name__):
                self.assertEqual(decode(value.type_number, body_of(encode(value))), value)

    def test_a_string_longer_than_its_maximum_in_bytes_is_refused(self):
        encode(Login(1, "a" * 20))
        for name in ("a" * 21, "é" * 11):
            with self.assertRaises(PacketError):
                encode(Login(1, name))

    def test_a_number_too_wide_for_its_field_is_refused(self):
        for x in (-1, 65_536):
            with self.assertRaises(PacketError):
                encode(MoveObject(1, x, 0))

    def test_a_frame_may_carry_any_type_and_a_false_size(self):
        self.assertEqual(frame(999, b"abc").hex(), "0700e703616263")
        self.assertEqual(frame(4, size=3).hex(), "03000400")


class Decoding(unittest.TestCase):
    def test_every_shortened_body_is_refused(self):
        for value in EXAMPLES:
            body = body_of(encode(value))
            for length in range(len(body)):
                with self.subTest(packet=type(value).__name__, length=length):
                    with self.assertRaises(PacketError):
                        decode(value.type_number, body[:length])

    def test_left_over_bytes_are_refused(self):
        for value in EXAMPLES:
            with self.subTest(packet=type(value).__name__), self.assertRaises(PacketError):
                decode(value.type_number, body_of(encode(value)) + b"\0")

    def test_an_unknown_type_is_refused(self):
        with self.assertRaises(PacketError):
            decode(999, b"")

    def test_invalid_utf8_nul_and_overlong_strings_are_refused(self):
        for text in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"a\0b", b"a" * 121):
            with self.subTest(text=text), self.assertRaises(PacketError):
                decode(Goodbye.type_number, b"\1" + bytes([len(text)]) + text)

    def test_more_elements_than_the_maximum_are_refused(self):
        character = b"\0" * 8 + b"\0"
        start = b"\0" * 4 + b"\0" + b"\0"
        decode(LoginResult.type_number, start + b"\x08" + character * 8)
        with self.assertRaises(PacketError):
            decode(LoginResult.type_number, start + b"\x09" + character * 9)


class Reassembly(unittest.TestCase):
    def test_packets_come_out_whole_however_the_bytes_are_cut(self):
        stream = b"".join(map(encode, EXAMPLES))
        for seed in range(50):
            chance, reassembler, packets, position = random.Random(seed), Reassembler(), [], 0
            while position < len(stream):
                count = 1 if seed == 0 else chance.randint(1, 60)
                packets += reassembler.feed(stream[position:position + count])
                position += count
            self.assertEqual([decode(*packet) for packet in packets], list(EXAMPLES))
            self.assertFalse(reassembler.rest)

    def test_a_size_below_the_header_is_refused(self):
        for size in range(SMALLEST_PACKET):
            with self.assertRaises(PacketError):
                Reassembler().feed(frame(4, size=size))


if __name__ == "__main__":
    unittest.main()
