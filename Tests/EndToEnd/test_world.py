# SPDX-License-Identifier: Apache-2.0
"""The world: login, walking, chat and what players see of each other."""

import clients  # noqa: F401
from gori_packets import *
from gori_senders import BatchSender, ByteSender, ChunkSender, WholeSender
from support import ServerTest, close_with_reset, needs_ipv6, unique_name


class LogIn(ServerTest):
    def setUp(self):
        self.server = self.serve()
        self.client = self.greeted(self.server)

    def test_an_account_has_one_character_named_like_it(self):
        name = unique_name("ann")
        result = self.client.login(name, request=77)
        self.assertEqual((result.request, result.code), (77, 0))
        self.assertEqual([character.name for character in result.characters], [name])

    def test_a_name_of_twenty_bytes_is_allowed(self):
        for name in (unique_name("n").ljust(20, "n"), "가" * 6 + "ab"):
            with self.subTest(name=name):
                self.connect(self.server).enter(name)

    def test_an_empty_name_is_refused_with_a_reason(self):
        result = self.client.login("")
        self.assertNotEqual(result.code, 0)
        self.assertTrue(result.text)

    def test_a_refused_login_may_be_followed_by_a_good_one(self):
        self.client.login("")
        self.assertEqual(self.client.login(unique_name()).code, 0)

    def test_a_name_above_twenty_bytes_is_dropped(self):
        body = (1).to_bytes(4, "little") + bytes([21]) + b"a" * 21
        self.client.send_bytes(frame(Login.type_number, body))
        self.assert_unanswered_and_open(self.client)
        self.assertEqual(self.client.login(unique_name()).code, 0)

    def test_a_character_of_nobody_is_refused(self):
        result = self.client.login(unique_name())
        entered = self.client.select(result.characters[0].id ^ (1 << 60))
        self.assertNotEqual(entered.code, 0)

    def test_a_selection_before_login_is_refused(self):
        self.assertNotEqual(self.client.select(1).code, 0)

    def test_entering_tells_place_map_view_and_tick(self):
        character = self.client.login(unique_name()).characters[0]
        entered = self.client.select(character.id, request=5)
        self.assertEqual((entered.request, entered.code), (5, 0))
        self.assertEqual((entered.width, entered.height), (2000, 2000))
        self.assertEqual((entered.view, entered.tick), (15, 50))


class Walking(ServerTest):
    def walks_a_hundred_tiles(self, sender, window):
        server = self.serve()
        player, witness = self.player(server, "walker", sender=sender), self.player(server, "witness")
        self.see_each_other(player, witness)
        done = player.moves_done
        # Squares of three tiles, so that the witness keeps seeing the player.
        player.walk(100, window=window, side=3)
        self.assertEqual(player.moves_done - done, 100)
        self.assert_sees(witness, player)
        self.assertEqual(player.chat("arrived").code, 0)
        self.assert_ends_with_logout(player)
        self.assert_does_not_see(witness, player)

    def assert_ends_with_logout(self, player):
        player.send(Logout(1))
        self.assert_ends(player, LEAVING)

    def test_one_packet_in_one_write(self):
        self.walks_a_hundred_tiles(WholeSender(), window=1)

    def test_one_byte_at_a_time(self):
        self.walks_a_hundred_tiles(ByteSender(), window=1)

    def test_one_byte_at_a_time_with_moves_under_way(self):
        self.walks_a_hundred_tiles(ByteSender(), window=10)

    def test_random_chunks(self):
        for seed in range(5):
            with self.subTest(seed=seed):
                self.walks_a_hundred_tiles(ChunkSender(seed), window=20)

    def test_many_packets_in_one_write(self):
        self.walks_a_hundred_tiles(BatchSender(25), window=25)

    def test_every_packet_of_a_walk_in_one_write(self):
        self.walks_a_hundred_tiles(BatchSender(100), window=100)

    def test_the_answer_carries_sequence_and_client_time_back(self):
        player = self.player(self.serve())
        x, y = player.position
        target = (x + 1 if x + 1 < player.width else x - 1, y)
        for sequence, client_time in ((2 ** 32 - 1, 2 ** 64 - 1), (0, 0), (7, 1), (7, 1)):
            player.send_move(*target, sequence, client_time)
            result = player.expect(MoveResult)
            self.assertEqual(result, MoveResult(sequence, client_time, 0, *target))
            target = (x, y) if target != (x, y) else (x, y + 1 if y < 1000 else y - 1)


class IllegalMoves(ServerTest):
    def setUp(self):
        self.server = self.serve()
        self.walker = self.player(self.server)

    def refuses(self, x, y):
        before = self.walker.position
        result = self.walker.move(x, y)
        self.assertNotEqual(result.code, 0, f"from {before} to {(x, y)}")
        self.assertEqual((result.x, result.y), before)

    def test_a_tile_that_is_no_neighbour_is_refused(self):
        x, y = self.walker.position
        for target in ((x ^ 2, y), (x, y ^ 2), (x ^ 2, y ^ 2), (x ^ 512, y ^ 512)):
            with self.subTest(target=target):
                self.refuses(*target)

    def test_a_tile_outside_the_map_is_refused(self):
        for target in ((65_535, 65_535), (2000, 2000), (0, 65_535)):
            with self.subTest(target=target):
                self.refuses(*target)

    def test_the_neighbours_behind_the_border_are_refused(self):
        player = self.walker
        self.lead(player, (player.width - 1, player.position[1]))
        self.refuses(player.width, player.position[1])
        self.lead(player, (player.position[0], player.height - 1))
        self.refuses(player.position[0], player.height)

    def test_the_neighbours_before_zero_are_refused(self):
        player = self.walker
        self.lead(player, (0, 0))
        self.refuses(65_535, 0)
        self.refuses(0, 65_535)

    def test_walking_goes_on_after_a_refusal(self):
        self.refuses(65_535, 65_535)
        self.walker.walk(10)

    def test_a_refused_move_is_seen_by_nobody(self):
        witness = self.player(self.server, "witness")
        self.see_each_other(self.walker, witness)
        self.refuses(65_535, 65_535)
        witness.ping()
        self.assert_sees(witness, self.walker)


class Pace(ServerTest):
    FAST = ("--monsters", "0")

    def test_a_second_move_within_250_milliseconds_is_refused_by_default(self):
        player = self.player(self.serve())
        x, y = player.position
        step = 1 if x < 1000 else -1
        player.send_move(x + step, y)
        player.send_move(x + 2 * step, y)
        self.assertEqual(player.expect(MoveResult).code, 0)
        self.assertNotEqual(player.expect(MoveResult).code, 0)

    def test_a_player_who_keeps_the_pace_is_never_refused(self):
        self.player(self.serve()).walk(8, pace=0.25)


class Chatting(ServerTest):
    def setUp(self):
        self.server = self.serve()
        self.ann, self.bob = self.player(self.server, "ann"), self.player(self.server, "bob")
        self.see_each_other(self.ann, self.bob)

    def test_everybody_who_sees_the_speaker_hears(self):
        for text in ("hello", "안녕하세요", "a" * 300, "가" * 100):
            with self.subTest(text=text):
                self.assertEqual(self.ann.chat(text).code, 0)
                heard = self.bob.expect(ChatMessage)
                self.assertEqual(heard, ChatMessage(self.ann.object, 0, text))

    def test_messages_of_a_speaker_keep_their_order(self):
        for number in range(20):
            self.ann.send(Chat(number, 0, str(number)))
        heard = [self.bob.expect(ChatMessage).text for _ in range(20)]
        self.assertEqual(heard, [str(number) for number in range(20)])

    def test_a_text_above_three_hundred_bytes_is_heard_by_nobody(self):
        text = b"a" * 301
        body = bytes(5) + len(text).to_bytes(2, "little") + text
        self.ann.send_bytes(frame(Chat.type_number, body))
        self.assert_unanswered_and_open(self.ann)
        self.assertEqual(self.ann.chat("short").code, 0)
        self.assertEqual(self.bob.expect(ChatMessage).text, "short")

    def test_a_request_number_may_be_used_again(self):
        for text in ("first", "second"):
            result = self.ann.chat(text, request=7)
            self.assertEqual((result.request, result.code), (7, 0))
            self.assertEqual(self.bob.expect(ChatMessage).text, text)


class Seeing(ServerTest):
    def meet(self, server, *addresses):
        players = [self.player(server, address=address) for address in addresses]
        self.see_each_other(*players)
        return players

    def players_meet_talk_and_leave(self, server, *addresses):
        first, *others = players = self.meet(server, *addresses)
        for player in players:
            player.walk(4, side=1)
            for other in players:
                if other is not player:
                    self.assert_sees(other, player)
        self.assertEqual(first.chat("hello").code, 0)
        for other in others:
            self.assertEqual(other.expect(ChatMessage), ChatMessage(first.object, 0, "hello"))
        first.send(Logout(1))
        self.assert_ends(first, LEAVING)
        for other in others:
            self.assert_does_not_see(other, first)

    def test_over_ipv4(self):
        server = self.serve()
        self.players_meet_talk_and_leave(server, server.address, server.address)

    def test_on_two_workers(self):
        server = self.serve("--workers", "2")
        self.players_meet_talk_and_leave(server, *[server.address] * 6)

    @needs_ipv6
    def test_over_ipv6(self):
        server = self.serve(listen=("--listen", "[::1]:0"))
        self.players_meet_talk_and_leave(server, server.address, server.address)

    @needs_ipv6
    def test_over_one_address_for_both(self):
        server = self.serve(listen=("--listen", "[::]:0"))
        hosts = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
        self.players_meet_talk_and_leave(server, *[(host, server.port) for host in hosts])

    @needs_ipv6
    def test_over_several_addresses(self):
        server = self.serve(listen=("--listen", "127.0.0.1:0", "--listen", "[::1]:0"))
        self.assertEqual(len(server.addresses), 2)
        self.players_meet_talk_and_leave(server, *server.addresses)

    def test_who_walks_away_is_removed_and_added_on_return(self):
        server = self.serve()
        stayer, walker = self.meet(server, server.address, server.address)
        home, (x, y) = walker.position, walker.position
        self.lead(walker, (x + 300 if x < 1000 else x - 300, y), [stayer])
        self.assert_does_not_see(stayer, walker)
        self.assert_does_not_see(walker, stayer)
        self.lead(walker, home, [stayer])
        self.assert_sees(stayer, walker)
        self.assert_sees(walker, stayer)

    def test_everybody_within_seven_tiles_is_seen_at_every_step(self):
        server = self.serve()
        stayer, walker = self.meet(server, server.address, server.address)
        x, y = stayer.position
        toward = 1 if x < 1000 else -1
        for distance in (7, 6, 5, 4, 3, 2, 1):
            self.lead(walker, (x + toward * distance, y))
            self.assert_sees(stayer, walker)
            self.assert_sees(walker, stayer)

    def test_who_is_killed_is_removed(self):
        server = self.serve()
        witness, victim = self.meet(server, server.address, server.address)
        close_with_reset(victim)
        self.assert_does_not_see(witness, victim)

    def test_who_hangs_up_is_removed(self):
        server = self.serve()
        witness, leaver = self.meet(server, server.address, server.address)
        leaver.close()
        self.assert_does_not_see(witness, leaver)

    def test_a_newcomer_is_told_of_everybody_there(self):
        server = self.serve()
        crowd = self.meet(server, *[server.address] * 8)
        newcomer = self.player(server)
        self.see_each_other(crowd[0], newcomer)
        for other in crowd:
            self.assert_sees(newcomer, other)
