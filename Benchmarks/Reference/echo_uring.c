/* SPDX-License-Identifier: Apache-2.0
 *
 * The practical limit: what one thread of C with one ring can do at the work of `gori echo`. Nothing here is general;
 * whatever the engine costs beside this is the price of being an engine.
 *
 *   echo_uring [--port N] [--mode echo|packet|broadcast] [--group N]
 *
 * A turn is: enter (submits the sends of the last turn, waits) - collect every completion - settle the silent sends -
 * handle the rest - collect more while the kernel says there is more - queue one send for each connection.
 */
#define _GNU_SOURCE
#include "connection.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

enum { SQ_ENTRIES = 4096, CQ_ENTRIES = 65536 };
/* A busy turn gathers at most this often before it sends; without a bound, input that keeps coming starves output. */
enum { DRAIN_ROUNDS = 16 };
enum { HEADER = 4 };
enum mode { ECHO, PACKET, BROADCAST };

static enum mode mode = ECHO;
static struct buffers buffers;
static struct io_uring_cqe *batch;
static unsigned batch_count, batch_capacity;
static unsigned *spent, spent_count; /* used-up buffers, not yet given back */
static struct group **dirty_groups;
static unsigned dirty_group_count;

/* ---- packets */

static void emit(struct connection *c, const char *at, uint32_t count, int borrowed)
{
    if (mode == PACKET) {
        put(c, at, count, borrowed);
        return;
    }
    struct group *group = c->group;
    append(&group->log, at, count);
    if (!group->dirty) {
        group->dirty = 1;
        dirty_groups[dirty_group_count++] = group;
    }
}

/* Bytes of the packet that begins at `at`, 0 when not even its size is there, -1 when it cannot be one. */
static int packet_size(const char *at, uint32_t count)
{
    if (count < 2)
        return 0;
    uint16_t size;
    memcpy(&size, at, sizeof size);
    return size < HEADER ? -1 : size;
}

static int handle_packets(struct connection *c, const char *at, uint32_t count)
{
    while (count && c->carry.count) {
        int size = packet_size(c->carry.at, c->carry.count);
        if (size < 0)
            return -1;
        uint32_t missing = (size ? (uint32_t)size : 2) - c->carry.count;
        uint32_t piece = missing < count ? missing : count;
        append(&c->carry, at, piece);
        at += piece;
        count -= piece;
        if (size && piece == missing) {
            emit(c, c->carry.at, c->carry.count, 0);
            c->carry.count = 0;
        }
    }
    uint32_t whole = 0;
    for (int size; (size = packet_size(at + whole, count - whole)) != 0; whole += (uint32_t)size) {
        if (size < 0)
            return -1;
        if ((uint32_t)size > count - whole)
            break;
    }
    if (whole)
        emit(c, at, whole, 1);
    if (whole < count)
        append(&c->carry, at + whole, count - whole);
    return 0;
}

static void received(struct connection *c, const struct io_uring_cqe *cqe)
{
    c->receiving = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (cqe->res > 0) {
        int used_up;
        char *at = buffers_bytes(&buffers, cqe, &used_up);
        if (used_up)
            spent[spent_count++] = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        if (!c->live)
            ;
        else if (mode == ECHO)
            put(c, at, (uint32_t)cqe->res, 1);
        else if (handle_packets(c, at, (uint32_t)cqe->res) < 0)
            end(c);
    } else if (cqe->res != -ENOBUFS) {
        end(c);
    }
    /* Out of buffers: they come back at the next settlement, before the kernel looks at this again. */
    if (c->live && !c->receiving)
        arm_receive(c);
    close_when_quiet(c);
}

/* ---- the turn */

static void collect(void)
{
    unsigned count = ring_completed(&ring), head = *ring.cq_head;
    if (batch_count + count > batch_capacity) {
        batch_capacity = (batch_count + count) * 2 + 1024;
        batch = realloc(batch, batch_capacity * sizeof *batch);
    }
    for (unsigned i = 0; i < count; i++)
        batch[batch_count++] = ring.cqes[(head + i) & ring.cq_mask];
    ring_consume(&ring, count);
}

/* Submits, waits, and collects until nothing is queued and nothing has overflowed. Only then is it known which silent
 * sends failed: a failure need not come first, nor be in the completion queue at once. */
static void enter(unsigned wait)
{
    do {
        ring_enter(&ring, wait, 0);
        collect();
        wait = 0;
    } while (ring_queued(&ring) || ring_overflowed(&ring));
}

/* Failures before anything else, while the bytes they point to are untouched; then the memory of all is free. */
static void settle(void)
{
    for (unsigned i = 0; i < silent_count; i++)
        silent[i]->silent = 0;
    for (unsigned i = 0; i < batch_count; i++)
        if (batch[i].user_data >> 32 == SILENT) {
            refused(&connections[(uint32_t)batch[i].user_data], batch[i].res);
            batch[i].user_data = tag(DONE, 0);
        }
    for (unsigned i = 0; i < silent_count; i++)
        close_when_quiet(silent[i]);
    silent_count = 0;
    for (unsigned i = 0; i < dirty_group_count; i++) {
        dirty_groups[i]->dirty = 0;
        dirty_groups[i]->log.count = 0;
    }
    dirty_group_count = 0;
    for (unsigned i = 0; i < spent_count; i++)
        buffers_return(&buffers, spent[i]);
    spent_count = 0;
    buffers_publish(&buffers);
}

static void handle(void)
{
    for (unsigned i = 0; i < batch_count; i++) {
        struct io_uring_cqe *cqe = &batch[i];
        struct connection *c = &connections[(uint32_t)cqe->user_data];
        switch (cqe->user_data >> 32) {
        case ACCEPT:
            accepting = (cqe->flags & IORING_CQE_F_MORE) != 0;
            if (cqe->res >= 0)
                open_connection(cqe->res);
            /* Out of descriptors: the next close arms it again. */
            if (!accepting && cqe->res != -EMFILE && cqe->res != -ENFILE)
                arm_accept();
            break;
        case RECEIVE: received(c, cqe); break;
        case TRACKED: tracked_done(c, cqe->res); break;
        case CLOSE: closed(c); break;
        default: break;
        }
    }
    batch_count = 0;
}

static void turn(void)
{
    enter(1);
    settle();
    handle();
    /* Whatever has arrived is handled before the sends go out, so that a connection gets one send for all of it. The
     * sends queued below wait in the ring until then, so submissions in between are only of receives. */
    for (int round = 0; round < DRAIN_ROUNDS && spent_count < buffers.count * 3 / 4 && ring_has_more(&ring); round++) {
        ring_enter(&ring, 0, 0);
        collect();
        handle();
    }
    for (unsigned i = 0; i < dirty_group_count; i++) {
        struct group *group = dirty_groups[i];
        for (int m = 0; m < group->count; m++)
            if (group->members[m])
                put(group->members[m], group->log.at, group->log.count, 1);
    }
    for (unsigned i = 0; i < dirty_count; i++)
        flush(dirty[i]);
    dirty_count = 0;
}

static void open_listener(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096))
        die("listen");
    getsockname(listener, (void *)&address, &size);
    printf("listening 127.0.0.1:%d\nready\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int count, char **words)
{
    int port = 0, group = 10;
    for (int i = 1; i + 1 < count; i += 2) {
        const char *value = words[i + 1];
        if (!strcmp(words[i], "--port"))
            port = atoi(value);
        else if (!strcmp(words[i], "--group"))
            group = atoi(value);
        else if (!strcmp(words[i], "--mode"))
            mode = !strcmp(value, "packet") ? PACKET : !strcmp(value, "broadcast") ? BROADCAST : ECHO;
    }
    /* Group 0 is everybody. */
    group_size = mode != BROADCAST ? 0 : group > 0 ? group : CONNECTIONS;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    ring_open(&ring, SQ_ENTRIES, CQ_ENTRIES);
    buffers_open(&ring, &buffers);
    connections = map(-1, CONNECTIONS * sizeof *connections, 0);
    dirty = map(-1, CONNECTIONS * sizeof *dirty, 0);
    silent = map(-1, CONNECTIONS * sizeof *silent, 0);
    dirty_groups = map(-1, CONNECTIONS * sizeof *dirty_groups, 0);
    spent = map(-1, buffers.count * sizeof *spent, 0);
    open_listener(port);
    arm_accept();
    for (;;)
        turn();
}
