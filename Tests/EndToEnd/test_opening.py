# SPDX-License-Identifier: Apache-2.0
"""Opening a session: what hello and welcome promise, and who is sent away at once."""

import time

import clients  # noqa: F401
from gori_packets import *
from gori_senders import ByteSender, ChunkSender
from support import BadInputTest, ServerTest


class Opening(ServerTest):
    def test_welcome_names_session_time_heartbeat_and_maximum(self):
        server = self.serve()
        first, second = self.greeted(server), self.greeted(server)
        self.assertEqual(first.welcome.heartbeat, 10_000)
        self.assertEqual(first.welcome.maximum_packet, 16_384)
        self.assertNotEqual(first.welcome.session, second.welcome.session)
        self.assertGreaterEqual(second.welcome.server_time, first.welcome.server_time)

    def test_times_are_microseconds_since_the_start(self):
        started = time.monotonic()
        client = self.greeted(self.serve())
        first = client.ping()
        time.sleep(0.2)
        second = client.ping()
        self.assertGreaterEqual(second.time - first.time, 150_000)
        since_start = (time.monotonic() - started) * 1e6
        self.assertLessEqual(client.welcome.server_time, first.time)
        self.assertLessEqual(second.time, since_start)

    def test_welcome_tells_the_heartbeat_that_was_configured(self):
        self.assertEqual(self.greeted(self.serve("--heartbeat", "700")).welcome.heartbeat, 700)

    def test_the_start_log_names_the_fingerprint(self):
        server = self.serve()
        server.stop()
        log = server.log.lower().replace("_", "")
        self.assertIn(f"{WORLD_FINGERPRINT:x}", log)

    def test_hello_may_arrive_byte_by_byte_or_in_chunks(self):
        server = self.serve()
        for sender in (ByteSender(), ChunkSender(seed=3, largest=5)):
            self.greeted(server, sender=sender).ping()

    def test_the_longest_client_name_is_welcome(self):
        client = self.connect(self.serve())
        client.hello(client="c" * 32)

    def test_an_empty_client_name_is_welcome(self):
        client = self.connect(self.serve())
        client.hello(client="")

    def test_packets_may_follow_hello_without_waiting_for_welcome(self):
        client = self.connect(self.serve())
        hello = Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "eager")
        client.send_bytes(encode(hello) + encode(Ping(11)))
        client.expect(Welcome)
        self.assertEqual(client.expect(Pong).token, 11)

    def test_pong_echoes_the_token(self):
        client = self.greeted(self.serve())
        for token in (0, 1, 2 ** 63, 2 ** 64 - 1):
            client.send(Ping(token))
            self.assertEqual(client.expect(Pong).token, token)


class Refused(BadInputTest):
    def first(self, data):
        client = self.connect(self.server)
        client.send_bytes(data)
        return client

    def test_another_fingerprint_is_told_to_update(self):
        client = self.first(encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT ^ 1, 0, "py")))
        self.assert_ends(client, UPDATE_NEEDED)

    def test_another_version_is_told_both_versions(self):
        for fingerprint in (WORLD_FINGERPRINT, 77):
            with self.subTest(fingerprint=fingerprint):
                client = self.first(encode(Hello(9, fingerprint, 0, "py")))
                text = self.assert_ends(client, UPDATE_NEEDED).text
                self.assertIn("9", text)
                self.assertIn(str(PROTOCOL_VERSION), text)

    def test_login_before_hello_ends_the_session(self):
        self.assert_ends(self.first(encode(Login(1, "early"))), HELLO_EXPECTED)

    def test_ping_before_hello_ends_the_session(self):
        self.assert_ends(self.first(encode(Ping(1))), HELLO_EXPECTED)

    def test_an_unknown_type_before_hello_ends_the_session(self):
        self.assert_ends(self.first(frame(999)), HELLO_EXPECTED)

    def test_hello_after_a_bad_first_packet_is_not_heard(self):
        hello = encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "py"))
        client = self.first(encode(Ping(1)) + hello)
        self.assertIsInstance(client.receive(), Goodbye)
        self.assert_ends(client, HELLO_EXPECTED)

    def test_a_hello_above_64_bytes_ends_the_session(self):
        hello = encode_body(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "py"))
        too_long = frame(Hello.type_number, hello.ljust(61, b"\0"))
        self.assert_ends(self.first(too_long), MALFORMED, HELLO_EXPECTED)

    def test_a_long_size_before_hello_ends_the_session_without_its_body(self):
        self.assert_ends(self.first(frame(Hello.type_number, size=5_000)), MALFORMED, HELLO_EXPECTED)

    def test_a_hello_that_does_not_decode_ends_the_session(self):
        hello = encode_body(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "py"))
        bad = {
            "truncated": hello[:-1], "left over": hello + b"\0", "empty": b"",
            "invalid UTF-8": hello[:-2] + b"\xff\xff",
        }
        for name, body in bad.items():
            with self.subTest(name):
                self.assert_ends(
                    self.first(frame(Hello.type_number, body)), MALFORMED, HELLO_EXPECTED)

    def test_a_size_below_the_header_before_hello_ends_the_session(self):
        self.assert_ends(self.first(frame(Hello.type_number, size=3)), MALFORMED, HELLO_EXPECTED)

    def test_another_protocol_is_sent_away(self):
        client = self.connect(self.server)
        client.send_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assert_ends(client, MALFORMED, HELLO_EXPECTED)

    def test_a_connection_that_ends_before_hello_harms_nobody(self):
        for data in (b"", b"\x12", encode(Hello(1, WORLD_FINGERPRINT, 0, "py"))[:7]):
            client = self.connect(self.server)
            client.send_bytes(data)
            client.close()
        self.greeted(self.server).ping()


class HelloTimeout(BadInputTest):
    ARGUMENTS = ("--hello-timeout", "300")

    def test_a_client_that_says_nothing_is_sent_away(self):
        began = time.monotonic()
        self.assert_ends(self.connect(self.server), HELLO_TIMEOUT)
        self.assertGreater(time.monotonic() - began, 0.25)

    def test_a_client_that_drips_its_hello_gains_no_time(self):
        hello = encode(Hello(PROTOCOL_VERSION, WORLD_FINGERPRINT, BINARY_FORMAT, "slow"))
        client = self.connect(self.server)
        began = time.monotonic()
        for index in range(len(hello)):
            client.send_bytes(hello[index:index + 1])
            try:
                client.receive(0.1)
                break
            except TimeoutError:
                continue
        self.assertLess(time.monotonic() - began, 1.5)
        self.assert_ends(client, HELLO_TIMEOUT)

    def test_a_client_that_was_in_time_stays(self):
        client = self.greeted(self.server)
        with self.assertRaises(TimeoutError):
            client.receive(1.0)
        client.ping()
