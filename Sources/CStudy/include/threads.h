/* SPDX-License-Identifier: Apache-2.0
 *
 * A server with a thread for each connection, over blocking calls: what a study compares an engine with.
 *
 * One caller: it starts the server, waits for signals, and stops it. Every connection has a thread with a stack of
 * 64 KiB and one buffer, and waits in recv(2) or send(2).
 */
#pragma once

#include <stdint.h>

/* What comes back. */
enum cs_thread_mode {
    CS_THREAD_ECHO,      /* bytes as they came */
    CS_THREAD_PACKET,    /* whole packets: u16 size, u16 type, little-endian; a size below 4 ends the connection */
    CS_THREAD_BROADCAST, /* each packet to all members of the sender's group, in order of arrival */
};

/* Sums since the start, but for `sessions`, which are those open now. */
struct cs_thread_counters {
    uint64_t system_calls, accepted, sessions, bytes_received, packets, sends, bytes_sent;
};

struct cs_thread_server;

/* Blocks SIGTERM, SIGINT and SIGUSR1 for the calling thread and those it starts, and ignores SIGPIPE. */
void cs_threads_block_signals(void);

/* Waits for one of the signals above; its number. */
int cs_threads_wait_for_signal(void);

/* Starts to accept. `listener` listens, blocks, and belongs to the server from here on. `group` is the number of
 * members in broadcast; 0: everybody. Returns NULL with an errno when there is no memory or no thread. */
struct cs_thread_server *cs_threads_start(int listener, enum cs_thread_mode mode, int group);

/* From the thread that started the server. */
struct cs_thread_counters cs_threads_count(struct cs_thread_server *server);

/* Ends accepting and every connection, and waits for the threads, so many seconds at most. Returns how many
 * connections are left: when there are none, the server's memory is given back, and it may not be used again. */
int cs_threads_stop(struct cs_thread_server *server, int seconds, struct cs_thread_counters *counted);
