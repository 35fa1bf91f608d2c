/* SPDX-License-Identifier: Apache-2.0
 *
 * What the load driver sends, and how it knows what must come back.
 *
 * Streams (echo, packet): one cyclic sequence of random messages, kept twice in a row so that any run of messages is
 * contiguous; each connection begins at another message, so that bytes of a wrong connection are seen.
 * Broadcast: packets that name their sender and count up; each member of a group expects the next of every sender.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum mode { ECHO, PACKET, BROADCAST };

struct connection {
    uint32_t next_out, next_in; /* messages of the cycle */
    uint32_t offset_in;         /* bytes of the cycle */
    uint64_t *started;          /* of the messages under way, in order */
    uint32_t oldest, newest;
    char *carry; /* broadcast: a packet that is not whole */
    uint32_t carried, sequence;
    uint32_t *expected; /* of each sender of the group */
};

static enum mode mode = ECHO;
static uint32_t connection_count = 50, depth = 1, size, group = 10, depth_slots = 1;
static struct connection *connections;
static uint64_t mismatches;

static char *cycle;
static uint32_t *begins, cycle_messages, cycle_bytes;
static char *outgoing; /* broadcast: depth packets for each connection */
static uint32_t *missing; /* of each of them: deliveries that have not come */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void mismatch(uint32_t connection)
{
    if (!mismatches++)
        fprintf(stderr, "load: other bytes came back than were sent, connection %u\n", connection);
}

/* Fixed, so that two runs send the same. */
static uint32_t random_state = 20240229;
static uint32_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* ---- streams */

static void make_cycle(void)
{
    /* More than can be under way, so that a message is never confused with its successor in the next round. */
    cycle_messages = depth * 2 < 509 ? 509 : depth * 2 + 1;
    begins = calloc(2 * cycle_messages + 1, sizeof *begins);
    for (uint32_t i = 0; i < cycle_messages; i++)
        begins[i + 1] = begins[i] + (mode == PACKET ? 4 + random_number() % (size - 3) : size);
    cycle_bytes = begins[cycle_messages];
    for (uint32_t i = 1; i <= cycle_messages; i++)
        begins[cycle_messages + i] = cycle_bytes + begins[i];
    cycle = malloc(2 * (size_t)cycle_bytes);
    for (uint32_t i = 0; i < cycle_bytes; i++)
        cycle[i] = (char)(random_number() >> 11);
    for (uint32_t i = 0; mode == PACKET && i < cycle_messages; i++) {
        uint16_t header[2] = {(uint16_t)(begins[i + 1] - begins[i]), (uint16_t)(16 + i % 32)};
        memcpy(cycle + begins[i], header, sizeof header);
    }
    memcpy(cycle + cycle_bytes, cycle, cycle_bytes);
}

static const char *stream_next(struct connection *c, uint32_t count, uint32_t *length)
{
    const char *at = cycle + begins[c->next_out];
    *length = begins[c->next_out + count] - begins[c->next_out];
    c->next_out = (c->next_out + count) % cycle_messages;
    return at;
}

/* Compares what came with what is due; returns how many messages are now complete. */
static uint32_t stream_check(struct connection *c, const char *at, uint32_t count)
{
    uint32_t done = 0;
    while (count) {
        uint32_t piece = count < cycle_bytes ? count : cycle_bytes;
        if (memcmp(at, cycle + c->offset_in, piece))
            mismatch((uint32_t)(c - connections));
        at += piece;
        count -= piece;
        c->offset_in += piece;
        while (begins[c->next_in + 1] <= c->offset_in) {
            c->next_in++;
            done++;
        }
        if (c->next_in >= cycle_messages) {
            c->next_in -= cycle_messages;
            c->offset_in -= cycle_bytes;
        }
    }
    if (done > c->newest - c->oldest) {
        mismatch((uint32_t)(c - connections));
        done = c->newest - c->oldest;
    }
    return done;
}

/* ---- broadcast */

struct broadcast_header {
    uint16_t size, type;
    uint32_t sender, sequence, reserved;
    uint64_t started;
};
struct delivery {
    int ok, last;
    uint32_t sender;
    uint64_t started;
};

static char *broadcast_slot(uint32_t sender, uint32_t sequence)
{
    return outgoing + ((size_t)sender * depth + sequence % depth) * size;
}

static const char *broadcast_next(uint32_t sender, uint64_t now)
{
    uint32_t sequence = connections[sender].sequence++;
    struct broadcast_header header = {(uint16_t)size, 16, sender, sequence, 0, now};
    char *packet = broadcast_slot(sender, sequence);
    memcpy(packet, &header, sizeof header);
    missing[sender * depth + sequence % depth] = group;
    return packet;
}

static struct delivery broadcast_check(uint32_t receiver, const char *packet)
{
    struct broadcast_header header;
    struct delivery delivery = {0};
    memcpy(&header, packet, sizeof header);
    if (header.sender >= connection_count || header.sender / group != receiver / group) {
        mismatch(receiver);
        return delivery;
    }
    uint32_t *expected = &connections[receiver].expected[header.sender % group];
    /* The packet is compared as it was sent: its slot is not written again before its last delivery. */
    if (header.sequence != *expected || memcmp(packet, broadcast_slot(header.sender, header.sequence), size)) {
        mismatch(receiver);
        return delivery;
    }
    ++*expected;
    delivery.ok = 1;
    delivery.sender = header.sender;
    delivery.started = header.started;
    delivery.last = --missing[header.sender * depth + header.sequence % depth] == 0;
    return delivery;
}

static void messages_open(void)
{
    while (depth_slots < depth)
        depth_slots *= 2;
    connections = calloc(connection_count, sizeof *connections);
    if (mode != BROADCAST)
        make_cycle();
    for (uint32_t i = 0; i < connection_count; i++) {
        struct connection *c = &connections[i];
        if (mode == BROADCAST) {
            c->carry = malloc(size);
            c->expected = calloc(group, sizeof *c->expected);
        } else {
            c->started = calloc(depth_slots, sizeof *c->started);
            c->next_out = c->next_in = i * 97 % cycle_messages;
            c->offset_in = begins[c->next_in];
        }
    }
    if (mode != BROADCAST)
        return;
    uint32_t packets = connection_count * depth;
    missing = calloc(packets, sizeof *missing);
    outgoing = malloc((size_t)packets * size);
    for (size_t i = 0; i < (size_t)packets * size; i++)
        outgoing[i] = (char)(random_number() >> 11);
}
