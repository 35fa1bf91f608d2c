/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two halves of the server share: its connections with their threads, and the thread that accepts.
 */
#pragma once

#include "threads.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { CS_ROOM = 64 << 10 };

/* Written by one thread, read by any. */
struct counts {
    atomic_uint_fast64_t system_calls, bytes_received, packets, sends, bytes_sent;
};

struct connection {
    struct cs_thread_server *server;
    struct connection *next, **link;
    struct group *group;
    int descriptor;
    struct counts counts;
    /* Only what has been received is ever touched. */
    unsigned char bytes[CS_ROOM];
};

/* Sends to members are made under its lock, so that packets go out whole and in one order. */
struct group {
    pthread_mutex_t lock;
    int count, capacity;
    /* The server's lock has this one. */
    int references;
    struct connection **members;
};

static inline void cs_add(atomic_uint_fast64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value, memory_order_relaxed);
}

/* Without memory for one more it is not a member. Neither may be called with the server's lock: another member's
 * client that does not read keeps the group's. */
bool cs_group_join(struct group *group, struct connection *connection);
void cs_group_leave(struct group *group, struct connection *connection);

/* Answers until the stream ends. */
void cs_connection_serve(struct connection *own, enum cs_thread_mode mode);
