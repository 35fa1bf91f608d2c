/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds connections that are idle but for a heartbeat, and says whether any was lost.
 *
 *   hold --port N [--connections N] [--source 127.0.0.2] [--mode session|echo] [--interval S]
 *
 * In `session` each connection says hello and then sends a `ping` every interval, answered by `pong`; pings of the
 * server are answered. In `echo` it sends 8 bytes and wants them back, once at first and then as heartbeat. Heartbeats
 * are spread evenly over the interval, and a delay counts from the moment at which one was due. All connections come
 * from one source address, whose ephemeral ports bound their number: one process for each 18,000.
 *
 * Prints `connected` when all are, then waits for a line with a number of seconds, holds for so long, prints one line
 * of JSON, and keeps the connections until the end of standard input. `pause_ms` is the longest time for which it did
 * not run itself: what a busy machine adds to a delay.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PING = 4, PONG = 5, GOODBYE = 3, WELCOME = 2, PACKET_LIMIT = 256 };
/* What the accept queues of the server can take at once. */
enum { CONNECTING_LIMIT = 256 };
/* Delays in steps of 10 us, up to 10 s. */
enum { DELAY_STEPS = 1000000 };

struct connection {
    int descriptor;
    bool is_greeted, is_waiting;
    uint16_t count;
    uint64_t due;
    uint8_t bytes[PACKET_LIMIT];
};

static int port, connection_count = 1000, poller;
static bool is_echo;
static double interval = 10;
static struct in_addr source;
static struct connection *connections;
static uint32_t delays[DELAY_STEPS + 1];
static uint64_t greeted, lost, sent, answered, missed, longest, last_look, longest_pause;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *call)
{
    perror(call);
    exit(1);
}

static void lose(struct connection *c, const char *why)
{
    if (lost++ < 5)
        fprintf(stderr, "connection %td lost: %s\n", c - connections, why);
    close(c->descriptor);
    c->descriptor = -1;
}

static void put(struct connection *c, const void *bytes, size_t count)
{
    if (c->descriptor >= 0 && send(c->descriptor, bytes, count, MSG_NOSIGNAL) != (ssize_t)count)
        lose(c, strerror(errno));
}

static void put_packet(struct connection *c, uint16_t type, const void *body, uint16_t count)
{
    uint8_t packet[64];
    uint16_t header[2] = {(uint16_t)(count + 4), type};
    memcpy(packet, header, 4);
    memcpy(packet + 4, body, count);
    put(c, packet, count + 4u);
}

/* Version 1, its fingerprint, format 0, no name; docs/protocol.md. */
static void say_hello(struct connection *c)
{
    uint8_t body[12] = {1, 0};
    uint64_t fingerprint = 0x476F726900000001u;
    memcpy(body + 2, &fingerprint, 8);
    put_packet(c, 1, body, sizeof body);
}

static void connect_one(struct connection *c)
{
    c->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->descriptor < 0)
        fail("socket");
    int one = 1;
    setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = source};
    if (bind(c->descriptor, (struct sockaddr *)&from, sizeof from))
        fail("bind");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->descriptor, (struct sockaddr *)&to, sizeof to))
        fail("connect");
    fcntl(c->descriptor, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->descriptor, &event))
        fail("epoll_ctl");
    if (is_echo)
        put(c, &c->due, 8);
    else
        say_hello(c);
}

static void greet(struct connection *c)
{
    greeted += !c->is_greeted;
    c->is_greeted = true;
}

static void record(struct connection *c)
{
    if (!c->is_waiting)
        return greet(c);
    uint64_t delay = now_ns() - c->due;
    c->is_waiting = false;
    answered++;
    if (delay > longest)
        longest = delay;
    uint64_t step = delay / 10000;
    delays[step < DELAY_STEPS ? step : DELAY_STEPS]++;
}

static void take_packet(struct connection *c, uint16_t type, const uint8_t *body)
{
    uint8_t pong[16] = {0};
    switch (type) {
    case WELCOME:
        greet(c);
        break;
    case PING:
        memcpy(pong, body, 8);
        put_packet(c, PONG, pong, sizeof pong);
        break;
    case PONG:
        if (!memcmp(body, &c->due, 8))
            record(c);
        break;
    case GOODBYE:
        fprintf(stderr, "goodbye, reason %d\n", body[0]);
        break;
    default:
        lose(c, "a packet that nobody asked for");
    }
}

/* Takes one message off the front; how many bytes it had, 0 when it is not whole. */
static unsigned take(struct connection *c, const uint8_t *bytes, unsigned count)
{
    if (is_echo) {
        if (count < 8)
            return 0;
        if (memcmp(bytes, &c->due, 8))
            lose(c, "other bytes than were sent");
        else
            record(c);
        return 8;
    }
    uint16_t header[2];
    if (count < 4)
        return 0;
    memcpy(header, bytes, 4);
    if (header[0] < 4 || header[0] > PACKET_LIMIT) {
        lose(c, "a packet of an impossible size");
        return count;
    }
    if (count < header[0])
        return 0;
    take_packet(c, header[1], bytes + 4);
    return header[0];
}

static void hear(struct connection *c)
{
    if (c->descriptor < 0)
        return;
    ssize_t got = recv(c->descriptor, c->bytes + c->count, PACKET_LIMIT - c->count, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        return lose(c, got ? strerror(errno) : "the server ended it");
    unsigned end = c->count + (unsigned)got, begin = 0, size;
    while (c->descriptor >= 0 && begin < end && (size = take(c, c->bytes + begin, end - begin)) > 0)
        begin += size;
    c->count = (uint16_t)(end - begin);
    memmove(c->bytes, c->bytes + begin, c->count);
}

static void poll_once(int milliseconds)
{
    struct epoll_event events[512];
    uint64_t look = now_ns();
    if (last_look && look - last_look > longest_pause)
        longest_pause = look - last_look;
    last_look = look;
    int count = epoll_wait(poller, events, 512, milliseconds);
    for (int i = 0; i < count; i++)
        hear(events[i].data.ptr);
}

static void beat(struct connection *c, uint64_t due)
{
    if (c->descriptor < 0)
        return;
    if (c->is_waiting)
        missed++;
    c->is_waiting = true;
    c->due = due;
    sent++;
    if (is_echo)
        put(c, &c->due, 8);
    else
        put_packet(c, PING, &c->due, 8);
}

static double percentile_ms(double share)
{
    uint64_t wanted = (uint64_t)(share * (double)answered), seen = 0;
    for (unsigned i = 0; i <= DELAY_STEPS; i++)
        if ((seen += delays[i]) > wanted)
            return i / 100.0;
    return 0;
}

static void hold(double seconds)
{
    last_look = longest_pause = 0;
    uint64_t begin = now_ns(), end = begin + (uint64_t)(seconds * 1e9), number = 0;
    double spacing = interval * 1e9 / connection_count;
    while (now_ns() < end) {
        uint64_t due, limit = now_ns();
        while ((due = begin + (uint64_t)((double)number * spacing)) <= limit && due < end)
            beat(&connections[number++ % (uint64_t)connection_count], due);
        poll_once(1);
    }
    for (uint64_t grace = now_ns() + 5000000000u; answered + missed < sent && now_ns() < grace;)
        poll_once(10);
    printf("{\"connections\": %d, \"lost\": %llu, \"sent\": %llu, \"answered\": %llu, \"p50_ms\": %.2f, "
           "\"p99_ms\": %.2f, \"max_ms\": %.2f, \"pause_ms\": %.2f}\n",
           connection_count, (unsigned long long)lost, (unsigned long long)sent, (unsigned long long)answered,
           percentile_ms(0.5), percentile_ms(0.99), (double)longest / 1e6, (double)longest_pause / 1e6);
    fflush(stdout);
}

/* A line of standard input, while whoever pings is answered; false at its end. */
static bool next_line(char *line, int size)
{
    int count = 0;
    fcntl(0, F_SETFL, O_NONBLOCK);
    while (count < size - 1) {
        ssize_t got = read(0, line + count, 1);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            poll_once(10);
            continue;
        }
        if (got <= 0)
            return false;
        if (line[count] == '\n')
            break;
        count++;
    }
    line[count] = 0;
    return true;
}

static void read_arguments(int count, char **words)
{
    source.s_addr = htonl(0x7F000002);
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i], *value = words[i + 1];
        if (!strcmp(name, "--port"))
            port = atoi(value);
        else if (!strcmp(name, "--connections"))
            connection_count = atoi(value);
        else if (!strcmp(name, "--interval"))
            interval = atof(value);
        else if (!strcmp(name, "--source") && inet_pton(AF_INET, value, &source) == 1)
            continue;
        else if (!strcmp(name, "--mode"))
            is_echo = !strcmp(value, "echo");
        else
            exit(64);
    }
    if (!port || connection_count < 1 || interval <= 0)
        exit(64);
}

int main(int count, char **words)
{
    read_arguments(count, words);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    connections = calloc((size_t)connection_count, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0)
        fail("epoll_create1");
    for (int i = 0; i < connection_count; i++) {
        connect_one(&connections[i]);
        while ((uint64_t)i >= greeted + lost + CONNECTING_LIMIT)
            poll_once(10);
    }
    for (uint64_t grace = now_ns() + 20000000000u; greeted + lost < (uint64_t)connection_count && now_ns() < grace;)
        poll_once(10);
    if (greeted != (uint64_t)connection_count) {
        fprintf(stderr, "%llu of %d connections were served\n", (unsigned long long)greeted, connection_count);
        return 1;
    }
    puts("connected");
    fflush(stdout);
    char line[64];
    while (next_line(line, sizeof line))
        hold(atof(line));
    return lost > 0;
}
