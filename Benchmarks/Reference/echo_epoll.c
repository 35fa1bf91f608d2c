/* SPDX-License-Identifier: Apache-2.0
 *
 * The practical limit of readiness I/O: what one thread of C with epoll can do at the work of `gori echo`. Nothing here
 * is general; whatever the engine's epoll port costs beside this is the price of being an engine.
 *
 *   echo_epoll [--port N] [--mode echo|packet|broadcast] [--group N]
 *
 * Edge-triggered, and one registration for the life of a connection. Each connection is read into the same hot buffer
 * until a read comes back short, and answered at once; in broadcast what a group's members sent goes out at the end of
 * the turn, one send for each member.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 65536, EVENTS = 512, BUFFER = 65536, HEADER = 4, BACKLOG_LIMIT = 4 << 20 };
enum mode { ECHO, PACKET, BROADCAST };

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
    int fd, live;
    struct bytes waiting; /* what the socket did not take */
    struct bytes carry;   /* the beginning of a packet */
    struct group *group;
};

static enum mode mode = ECHO;
static int listener, set, group_size;
static struct connection *connections;
static struct group *filling, **dirty;
static unsigned dirty_count;
static char buffer[BUFFER];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

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

static void end(struct connection *c)
{
    if (!c->live)
        return;
    if (c->group)
        for (int i = 0; i < c->group->count; i++)
            if (c->group->members[i] == c)
                c->group->members[i] = NULL;
    int fd = c->fd;
    free(c->waiting.at);
    free(c->carry.at);
    memset(c, 0, sizeof *c);
    close(fd);
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
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event))
        end(c);
}

static void accept_all(void)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return;
        open_connection(fd);
    }
}

/* ---- sending */

static void put(struct connection *c, const char *at, uint32_t count)
{
    if (!c->live)
        return;
    if (!c->waiting.count) {
        ssize_t sent = send(c->fd, at, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == (ssize_t)count)
            return;
        if (sent < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS && errno != ENOMEM) {
            end(c);
            return;
        }
        at += sent > 0 ? sent : 0;
        count -= sent > 0 ? (uint32_t)sent : 0;
    }
    append(&c->waiting, at, count);
    if (c->waiting.count > BACKLOG_LIMIT)
        end(c);
}

static void send_waiting(struct connection *c)
{
    ssize_t sent = send(c->fd, c->waiting.at, c->waiting.count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            end(c);
        return;
    }
    memmove(c->waiting.at, c->waiting.at + sent, c->waiting.count - (uint32_t)sent);
    c->waiting.count -= (uint32_t)sent;
}

/* ---- packets */

static void emit(struct connection *c, const char *at, uint32_t count)
{
    if (mode == PACKET) {
        put(c, at, count);
        return;
    }
    struct group *group = c->group;
    append(&group->log, at, count);
    if (!group->dirty) {
        group->dirty = 1;
        dirty[dirty_count++] = group;
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

static void handle_packets(struct connection *c, const char *at, uint32_t count)
{
    while (c->live && count && c->carry.count) {
        int size = packet_size(c->carry.at, c->carry.count);
        if (size < 0) {
            end(c);
            return;
        }
        uint32_t missing = (size ? (uint32_t)size : 2) - c->carry.count;
        uint32_t piece = missing < count ? missing : count;
        append(&c->carry, at, piece);
        at += piece;
        count -= piece;
        if (size && piece == missing) {
            emit(c, c->carry.at, c->carry.count);
            c->carry.count = 0;
        }
    }
    uint32_t whole = 0;
    for (int size; (size = packet_size(at + whole, count - whole)) != 0; whole += (uint32_t)size) {
        if (size < 0) {
            end(c);
            return;
        }
        if ((uint32_t)size > count - whole)
            break;
    }
    if (whole)
        emit(c, at, whole);
    if (c->live && whole < count)
        append(&c->carry, at + whole, count - whole);
}

static void receive(struct connection *c, uint32_t events)
{
    while (c->live) {
        ssize_t count = recv(c->fd, buffer, BUFFER, MSG_DONTWAIT);
        if (count <= 0) {
            if (count == 0 || (errno != EAGAIN && errno != EINTR))
                end(c);
            return;
        }
        if (mode == ECHO)
            put(c, buffer, (uint32_t)count);
        else
            handle_packets(c, buffer, (uint32_t)count);
        if (count < BUFFER && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
            return;
    }
}

/* ---- the turn */

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(set, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == listener) {
            accept_all();
            continue;
        }
        struct connection *c = &connections[events[i].data.fd];
        if (c->live && c->waiting.count && events[i].events & EPOLLOUT)
            send_waiting(c);
        if (events[i].events & ~(uint32_t)EPOLLOUT)
            receive(c, events[i].events);
    }
    for (unsigned i = 0; i < dirty_count; i++) {
        struct group *group = dirty[i];
        for (int m = 0; m < group->count; m++)
            if (group->members[m])
                put(group->members[m], group->log.at, group->log.count);
        group->log.count = 0;
        group->dirty = 0;
    }
    dirty_count = 0;
}

static void open_listener(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int one = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096))
        die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll_ctl(set, EPOLL_CTL_ADD, listener, &event))
        die("epoll_ctl");
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
    connections = calloc(CONNECTIONS, sizeof *connections);
    dirty = calloc(CONNECTIONS, sizeof *dirty);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || !dirty || set < 0)
        die("start");
    open_listener(port);
    for (;;)
        turn();
}
