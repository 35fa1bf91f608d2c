/* SPDX-License-Identifier: Apache-2.0
 *
 * The peer of libuv, on one loop.
 *
 *   libuv [--port N] [--mode echo|packet|broadcast] [--group G]
 *
 * All connections are read into one buffer, and uv_try_write answers from it; only what the socket did not take is
 * copied and written the slow way. What a group's members sent goes out after the poll, one write for each member.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* A member that does not read is dropped when this much waits for it. */
enum { BUFFER = 65536, HEADER = 4, BACKLOG_LIMIT = 4 << 20 };
enum mode { ECHO_MODE, PACKET_MODE, BROADCAST_MODE };

struct bytes {
    char *at;
    size_t count, capacity;
};
struct connection {
    uv_tcp_t tcp;
    struct bytes carry; /* the beginning of a packet */
    struct group *group;
};
struct group {
    struct connection **members;
    struct bytes log; /* what its members sent in this turn */
    int count, capacity, arrived, dirty;
    struct group *next_dirty;
};
struct late_write {
    uv_write_t request;
    char bytes[];
};

static enum mode mode = ECHO_MODE;
static int group_size;
static struct group *filling, *dirty;
static char buffer[BUFFER];

static void *checked(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void append(struct bytes *to, const char *from, size_t count)
{
    if (to->count + count > to->capacity) {
        to->capacity = (to->count + count) * 2;
        to->at = checked(realloc(to->at, to->capacity));
    }
    memcpy(to->at + to->count, from, count);
    to->count += count;
}

/* ---- connections */

static void closed(uv_handle_t *handle)
{
    struct connection *c = (struct connection *)handle;
    free(c->carry.at);
    free(c);
}

static void end(struct connection *c)
{
    if (uv_is_closing((uv_handle_t *)c))
        return;
    for (int i = 0; c->group && i < c->group->count; i++)
        if (c->group->members[i] == c)
            c->group->members[i] = NULL;
    uv_close((uv_handle_t *)c, closed);
}

static void join(struct connection *c)
{
    if (!filling || (group_size && filling->arrived == group_size))
        filling = checked(calloc(1, sizeof *filling));
    struct group *group = c->group = filling;
    if (group->count == group->capacity) {
        group->capacity = group->capacity ? 2 * group->capacity : 16;
        group->members = checked(realloc(group->members, (size_t)group->capacity * sizeof *group->members));
    }
    group->members[group->count++] = c;
    group->arrived++;
}

/* ---- sending */

static void start_reading(struct connection *c);

static void wrote(uv_write_t *request, int status)
{
    struct connection *c = (struct connection *)request->handle;
    free(request);
    if (status < 0)
        end(c);
    else if (mode != BROADCAST_MODE && !uv_is_closing((uv_handle_t *)c))
        start_reading(c);
}

/* `at` is free again when this returns. */
static void put(struct connection *c, const char *at, size_t count)
{
    uv_stream_t *stream = (uv_stream_t *)c;
    if (uv_is_closing((uv_handle_t *)c))
        return;
    uv_buf_t bytes = uv_buf_init((char *)at, (unsigned)count);
    int sent = uv_try_write(stream, &bytes, 1);
    if (sent == (int)count)
        return;
    size_t rest = count - (sent > 0 ? (size_t)sent : 0);
    if ((sent < 0 && sent != UV_EAGAIN) || uv_stream_get_write_queue_size(stream) + rest > BACKLOG_LIMIT) {
        end(c);
        return;
    }
    struct late_write *late = checked(malloc(sizeof *late + rest));
    memcpy(late->bytes, at + count - rest, rest);
    bytes = uv_buf_init(late->bytes, (unsigned)rest);
    if (uv_write(&late->request, stream, &bytes, 1, wrote)) {
        free(late);
        end(c);
    } else if (mode != BROADCAST_MODE) {
        /* Whoever does not read is not read from. */
        uv_read_stop(stream);
    }
}

static void flush_groups(uv_check_t *handle)
{
    (void)handle;
    for (; dirty; dirty = dirty->next_dirty) {
        for (int i = 0; i < dirty->count; i++)
            if (dirty->members[i])
                put(dirty->members[i], dirty->log.at, dirty->log.count);
        dirty->log.count = 0;
        dirty->dirty = 0;
    }
}

static void emit(struct connection *c, const char *at, size_t count)
{
    if (mode == PACKET_MODE) {
        put(c, at, count);
        return;
    }
    struct group *group = c->group;
    append(&group->log, at, count);
    if (!group->dirty) {
        group->dirty = 1;
        group->next_dirty = dirty;
        dirty = group;
    }
}

/* ---- packets */

/* Bytes of the packet that begins at `at`, 0 when not even its size is there, -1 when it cannot be one. */
static long packet_size(const char *at, size_t count)
{
    uint16_t size;
    if (count < sizeof size)
        return 0;
    memcpy(&size, at, sizeof size);
    return size < HEADER ? -1 : size;
}

static void handle_packets(struct connection *c, const char *at, size_t count)
{
    while (count && c->carry.count) {
        long size = packet_size(c->carry.at, c->carry.count);
        if (size < 0) {
            end(c);
            return;
        }
        size_t missing = (size ? (size_t)size : sizeof(uint16_t)) - c->carry.count;
        size_t piece = missing < count ? missing : count;
        append(&c->carry, at, piece);
        at += piece;
        count -= piece;
        if (size && piece == missing) {
            emit(c, c->carry.at, c->carry.count);
            c->carry.count = 0;
        }
    }
    size_t whole = 0;
    long size;
    while ((size = packet_size(at + whole, count - whole)) > 0 && (size_t)size <= count - whole)
        whole += (size_t)size;
    if (whole)
        emit(c, at, whole);
    if (size < 0)
        end(c);
    else if (whole < count)
        append(&c->carry, at + whole, count - whole);
}

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *lent)
{
    (void)handle;
    (void)suggested;
    *lent = uv_buf_init(buffer, sizeof buffer);
}

static void received(uv_stream_t *stream, ssize_t count, const uv_buf_t *lent)
{
    struct connection *c = (struct connection *)stream;
    if (count < 0)
        end(c);
    else if (count > 0 && mode == ECHO_MODE)
        put(c, lent->base, (size_t)count);
    else if (count > 0)
        handle_packets(c, lent->base, (size_t)count);
}

static void start_reading(struct connection *c)
{
    if (uv_read_start((uv_stream_t *)c, lend_buffer, received))
        end(c);
}

/* ---- the listener */

static void arrived(uv_stream_t *listener, int status)
{
    if (status < 0)
        return;
    struct connection *c = checked(calloc(1, sizeof *c));
    uv_tcp_init(listener->loop, &c->tcp);
    if (uv_accept(listener, (uv_stream_t *)c)) {
        end(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    if (mode == BROADCAST_MODE)
        join(c);
    start_reading(c);
}

static void require(int result)
{
    if (result >= 0)
        return;
    fprintf(stderr, "libuv: %s\n", uv_strerror(result));
    exit(1);
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
            mode = !strcmp(value, "packet") ? PACKET_MODE : !strcmp(value, "broadcast") ? BROADCAST_MODE : ECHO_MODE;
    }
    group_size = group > 0 ? group : 0;
    signal(SIGPIPE, SIG_IGN);

    uv_loop_t *loop = uv_default_loop();
    uv_check_t after_poll;
    uv_tcp_t listener;
    struct sockaddr_in address;
    int size = sizeof address;
    require(uv_check_init(loop, &after_poll));
    require(uv_check_start(&after_poll, flush_groups));
    require(uv_tcp_init(loop, &listener));
    require(uv_ip4_addr("127.0.0.1", port, &address));
    require(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0));
    require(uv_listen((uv_stream_t *)&listener, 4096, arrived));
    require(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size));
    printf("listening 127.0.0.1:%d\nready\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
