/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections of the reference server: opening, sending, closing. A send is silent: it runs while the kernel takes the
 * submission and posts a completion only when it was short or failed; the rest is then copied and sent the slow way.
 */
#pragma once
#include "ring.h"
#include <sys/socket.h>

enum { CONNECTIONS = 65536 };
/* A peer that does not read is dropped when this much waits for it. */
enum { BACKLOG_LIMIT = 4 << 20 };
enum operation { ACCEPT = 1, RECEIVE, SILENT, TRACKED, SHUTDOWN, CLOSE, DONE };

struct bytes {
    char *at;
    uint32_t count, capacity;
};
struct group {
    struct connection **members;
    struct bytes log; /* what its members sent in this turn */
    int count, dirty;
};
struct connection {
    int fd;
    uint8_t live, closing, receiving, dirty;
    uint8_t silent;  /* a silent send is not settled yet */
    uint8_t tracked; /* a send that waits for the peer is in flight */
    const char *sent;
    uint32_t sent_count;    /* what the send in flight was given */
    const char *slice;      /* borrowed until the next settlement */
    uint32_t slice_count;   /* never beside a non-empty queue */
    struct bytes queue;     /* copied, in order */
    struct bytes flying;    /* the queue that a send in flight reads from */
    struct bytes carry;     /* the beginning of a packet */
    struct group *group;
};

static int listener, accepting;
static int group_size; /* 0: connections belong to no group */
static struct ring ring;
static struct connection *connections;
static struct group *filling;
static struct connection **dirty, **silent;
static unsigned dirty_count, silent_count;

static uint64_t tag(enum operation operation, int fd) { return (uint64_t)operation << 32 | (uint32_t)fd; }

static void append(struct bytes *to, const char *from, uint32_t count)
{
    if (to->count + count > to->capacity) {
        to->capacity = (to->count + count) * 2;
        to->at = realloc(to->at, to->capacity);
        if (!to->at)
            die("realloc");
    }
    memcpy(to->at + to->count, from, count);
    to->count += count;
}

/* ---- connections */

static void arm_accept(void)
{
    ring_sqe(&ring, IORING_OP_ACCEPT, listener, tag(ACCEPT, listener))->ioprio = IORING_ACCEPT_MULTISHOT;
    accepting = 1;
}

static void arm_receive(struct connection *c)
{
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_RECV, c->fd, tag(RECEIVE, c->fd));
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->ioprio = IORING_RECV_MULTISHOT;
    c->receiving = 1;
}

static void open_connection(int fd)
{
    if (fd >= CONNECTIONS) {
        close(fd);
        return;
    }
    struct connection *c = &connections[fd];
    c->fd = fd;
    c->live = 1;
    if (group_size) {
        if (!filling || filling->count == group_size) {
            filling = calloc(1, sizeof *filling);
            filling->members = calloc((size_t)group_size, sizeof *filling->members);
        }
        c->group = filling;
        filling->members[filling->count++] = c;
    }
    arm_receive(c);
}

static void mark_dirty(struct connection *c)
{
    if (!c->dirty) {
        c->dirty = 1;
        dirty[dirty_count++] = c;
    }
}

/* The descriptor is closed only when nothing of it is in flight, so that its number cannot come back under an
 * operation that still means the old socket. */
static void close_when_quiet(struct connection *c)
{
    if (c->closing && !c->receiving && !c->silent && !c->tracked && !c->dirty) {
        c->closing = 0;
        ring_sqe(&ring, IORING_OP_CLOSE, c->fd, tag(CLOSE, c->fd));
    }
}

static void end(struct connection *c)
{
    if (!c->live)
        return;
    c->live = 0;
    c->closing = 1;
    if (c->group)
        for (int i = 0; i < c->group->count; i++)
            if (c->group->members[i] == c)
                c->group->members[i] = NULL;
    if (c->receiving)
        ring_sqe(&ring, IORING_OP_SHUTDOWN, c->fd, tag(SHUTDOWN, c->fd))->len = SHUT_RDWR;
    close_when_quiet(c);
}

static void closed(struct connection *c)
{
    free(c->queue.at);
    free(c->flying.at);
    free(c->carry.at);
    memset(c, 0, sizeof *c);
    if (!accepting)
        arm_accept();
}

/* ---- sending */

/* Borrowed bytes stay where they are until the next settlement. One piece is sent from there; a second one of the same
 * turn that does not follow it in memory makes both a copy. */
static void put(struct connection *c, const char *at, uint32_t count, int borrowed)
{
    if (!c->live)
        return;
    mark_dirty(c);
    if (borrowed && !c->tracked && !c->queue.count) {
        if (!c->slice_count) {
            c->slice = at;
            c->slice_count = count;
            return;
        }
        if (c->slice + c->slice_count == at) {
            c->slice_count += count;
            return;
        }
    }
    if (c->slice_count)
        append(&c->queue, c->slice, c->slice_count);
    c->slice_count = 0;
    append(&c->queue, at, count);
    if (c->queue.count > BACKLOG_LIMIT)
        end(c);
}

static struct io_uring_sqe *send_sqe(struct connection *c, enum operation operation)
{
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_SEND, c->fd, tag(operation, c->fd));
    sqe->addr = (uint64_t)(uintptr_t)c->sent;
    sqe->len = c->sent_count;
    /* Without WAITALL a short send would count as a success: nothing posted, bytes lost. */
    sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
    return sqe;
}

static void flush(struct connection *c)
{
    c->dirty = 0;
    if (!c->live) {
        close_when_quiet(c);
        return;
    }
    if (c->tracked)
        return;
    if (c->queue.count) {
        struct bytes empty = c->flying;
        c->flying = c->queue;
        c->queue = empty;
        c->queue.count = 0;
        c->sent = c->flying.at;
        c->sent_count = c->flying.count;
    } else {
        c->sent = c->slice;
        c->sent_count = c->slice_count;
        c->slice_count = 0;
    }
    /* Runs while the kernel takes the submission and posts nothing, unless it was short or failed. */
    struct io_uring_sqe *sqe = send_sqe(c, SILENT);
    sqe->msg_flags |= MSG_DONTWAIT;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    c->silent = 1;
    silent[silent_count++] = c;
}

static int is_blockage(int result)
{
    return result >= 0 || result == -EAGAIN || result == -EINTR || result == -ENOBUFS || result == -ENOMEM;
}

/* A silent send that took only `result` bytes: the rest leaves borrowed memory and waits for the peer. */
static void refused(struct connection *c, int result)
{
    if (!c->live)
        return;
    if (!is_blockage(result)) {
        end(c);
        return;
    }
    uint32_t taken = result > 0 ? (uint32_t)result : 0;
    const char *rest = c->sent + taken;
    uint32_t count = c->sent_count - taken;
    if (c->sent != c->flying.at) {
        c->flying.count = 0;
        append(&c->flying, rest, count);
        rest = c->flying.at;
    }
    c->sent = rest;
    c->sent_count = count;
    c->tracked = 1;
    send_sqe(c, TRACKED);
}

static void tracked_done(struct connection *c, int result)
{
    c->tracked = 0;
    if (c->live && is_blockage(result) && result < (int)c->sent_count) {
        uint32_t taken = result > 0 ? (uint32_t)result : 0;
        c->sent += taken;
        c->sent_count -= taken;
        c->tracked = 1;
        send_sqe(c, TRACKED);
    } else if (result < 0) {
        end(c);
    } else if (c->live && c->queue.count) {
        mark_dirty(c);
    }
    close_when_quiet(c);
}
