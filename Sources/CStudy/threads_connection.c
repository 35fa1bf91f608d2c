/* SPDX-License-Identifier: Apache-2.0 */
#include "threads_connection.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEADER = 4 };

/* ---- Groups */

bool cs_group_join(struct group *group, struct connection *connection)
{
    pthread_mutex_lock(&group->lock);
    bool has_room = group->count < group->capacity;
    if (!has_room) {
        int capacity = group->capacity ? 2 * group->capacity : 8;
        struct connection **members = realloc(group->members, (size_t)capacity * sizeof *members);
        if (members) {
            group->members = members;
            group->capacity = capacity;
            has_room = true;
        }
    }
    if (has_room)
        group->members[group->count++] = connection;
    pthread_mutex_unlock(&group->lock);
    return has_room;
}

void cs_group_leave(struct group *group, struct connection *connection)
{
    pthread_mutex_lock(&group->lock);
    for (int i = 0; i < group->count; i++)
        if (group->members[i] == connection)
            group->members[i--] = group->members[--group->count];
    pthread_mutex_unlock(&group->lock);
}

/* ---- A connection, in its own thread */

/* The caller's counts, whoever's descriptor it is. False: the stream has ended. */
static bool send_all(struct connection *own, int descriptor, const unsigned char *bytes, size_t length)
{
    cs_add(&own->counts.sends, 1);
    cs_add(&own->counts.bytes_sent, length);
    while (length > 0) {
        cs_add(&own->counts.system_calls, 1);
        ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* A member that has gone does not end the others: its own thread finds out. */
static void send_to_group(struct connection *own, const unsigned char *bytes, size_t length)
{
    pthread_mutex_lock(&own->group->lock);
    for (int i = 0; i < own->group->count; i++)
        (void)send_all(own, own->group->members[i]->descriptor, bytes, length);
    pthread_mutex_unlock(&own->group->lock);
}

/* Bytes of the whole packets at the start of some; minus 1: the first that is not one ends the stream, and `whole` are
 * good before it. */
static int whole_packets(struct connection *own, size_t length, size_t *whole)
{
    size_t place = 0;
    while (length - place >= HEADER) {
        size_t size = (size_t)own->bytes[place] | (size_t)own->bytes[place + 1] << 8;
        *whole = place;
        if (size < HEADER)
            return -1;
        if (size > length - place)
            return 0;
        cs_add(&own->counts.packets, 1);
        place += size;
    }
    *whole = place;
    return 0;
}

static ssize_t receive(struct connection *own, size_t from)
{
    ssize_t count;
    do {
        cs_add(&own->counts.system_calls, 1);
        count = recv(own->descriptor, own->bytes + from, CS_ROOM - from, 0);
    } while (count < 0 && errno == EINTR);
    if (count > 0)
        cs_add(&own->counts.bytes_received, (uint64_t)count);
    return count;
}

static void echo(struct connection *own)
{
    ssize_t count;
    while ((count = receive(own, 0)) > 0)
        if (!send_all(own, own->descriptor, own->bytes, (size_t)count))
            return;
}

static void packets(struct connection *own)
{
    size_t length = 0;
    ssize_t count;
    while ((count = receive(own, length)) > 0) {
        length += (size_t)count;
        size_t whole = 0;
        int malformed = whole_packets(own, length, &whole);
        if (whole > 0 && own->group)
            send_to_group(own, own->bytes, whole);
        else if (whole > 0 && !send_all(own, own->descriptor, own->bytes, whole))
            return;
        if (malformed)
            return;
        memmove(own->bytes, own->bytes + whole, length - whole);
        length -= whole;
    }
}

void cs_connection_serve(struct connection *own, enum cs_thread_mode mode)
{
    if (mode == CS_THREAD_ECHO)
        echo(own);
    else
        packets(own);
}
