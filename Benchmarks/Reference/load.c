/* SPDX-License-Identifier: Apache-2.0
 *
 * A closed-loop load driver: each connection keeps `depth` messages under way, every byte that comes back is compared
 * with what was sent, and one line of JSON says how it went.
 *
 *   load --port N [--pid SERVER] [--mode echo|packet|broadcast] [--connections N] [--depth N] [--size BYTES]
 *        [--group N] [--cpu N] [--warmup S] [--seconds S] [--commands 1]
 *
 * --size is the message in echo and broadcast, and the largest packet (of a mix from 4 bytes up) in packet.
 * --commands 1: connects, then measures one slice for each line "WARMUP SECONDS" of standard input, until its end. Two
 * drivers beside each other can so take turns without connecting anew, and what disturbs the machine hits both.
 * `without_core` is the share of the slice in which server or driver were ready and another process had their core: a
 * slice with much of it says nothing.
 * With --cpu the driver never sleeps while it measures: the server then pays nothing to wake it.
 */
#define _GNU_SOURCE
#include "messages.h"
#include "ring.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { RECEIVE = 1, SEND };
/* What may be under way on one connection: less than any socket buffer, so that no send ever waits. */
enum { IN_FLIGHT_LIMIT = 128 << 10 };

static int port, pid, cpu = -1, commanded;
static double warmup = 0.2, seconds = 1;
static struct ring ring;
static struct buffers buffers;
static clockid_t server_clock;

static int stopping, measuring;
static uint64_t under_way, answered, bytes_in, errors;

/* ---- latency: 64 buckets for each power of two, so 1.6 % wide */

static uint64_t histogram[64 * 64], recorded;

static void record(uint64_t ns)
{
    if (!measuring)
        return;
    unsigned shift = ns < 128 ? 0 : 57 - (unsigned)__builtin_clzll(ns);
    histogram[shift * 64 + (ns >> shift)]++;
    recorded++;
}
static double percentile_us(double share)
{
    uint64_t wanted = (uint64_t)(share * (double)recorded), seen = 0;
    for (unsigned i = 0; i < 64 * 64; i++) {
        seen += histogram[i];
        if (seen > wanted) {
            unsigned shift = i < 128 ? 0 : i / 64 - 1;
            return (double)((uint64_t)(i - shift * 64) << shift) / 1000;
        }
    }
    return 0;
}

static uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/* ---- traffic */

static void send_bytes(uint32_t connection, const char *at, uint32_t count)
{
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_SEND, (int)connection, (uint64_t)SEND << 32 | connection);
    sqe->addr = (uint64_t)(uintptr_t)at;
    sqe->len = count;
    sqe->msg_flags = MSG_WAITALL | MSG_NOSIGNAL;
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
}

static void start(uint32_t number, uint32_t count, uint64_t now)
{
    under_way += count;
    if (mode == BROADCAST) {
        while (count--)
            send_bytes(number, broadcast_next(number, now), size);
        return;
    }
    struct connection *c = &connections[number];
    for (uint32_t i = 0; i < count; i++)
        c->started[c->newest++ & (depth_slots - 1)] = now;
    uint32_t length;
    const char *at = stream_next(c, count, &length);
    send_bytes(number, at, length);
}

static void received(uint32_t number, const char *at, uint32_t count, uint64_t now)
{
    struct connection *c = &connections[number];
    bytes_in += count;
    if (mode != BROADCAST) {
        uint32_t done = stream_check(c, at, count);
        for (uint32_t i = 0; i < done; i++)
            record(now - c->started[c->oldest++ & (depth_slots - 1)]);
        answered += done;
        under_way -= done;
        if (done && !stopping)
            start(number, done, now);
        return;
    }
    while (count) {
        uint32_t piece = size - c->carried < count ? size - c->carried : count;
        const char *packet = at;
        if (piece < size) {
            memcpy(c->carry + c->carried, at, piece);
            packet = c->carry;
        }
        c->carried += piece;
        at += piece;
        count -= piece;
        if (c->carried < size)
            return;
        c->carried = 0;
        struct delivery delivery = broadcast_check(number, packet);
        if (!delivery.ok)
            continue;
        record(now - delivery.started);
        answered++;
        if (delivery.last) {
            under_way--;
            if (!stopping)
                start(delivery.sender, 1, now);
        }
    }
}

static void arm_receive(uint32_t number)
{
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_RECV, (int)number, (uint64_t)RECEIVE << 32 | number);
    sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->ioprio = IORING_RECV_MULTISHOT;
}

static void fault(const char *what, uint32_t number, int result)
{
    if (!errors++)
        fprintf(stderr, "load: %s on connection %u: %s\n", what, number, result ? strerror(-result) : "closed");
}

static void pump(void)
{
    if (ring_queued(&ring) || ring_has_more(&ring))
        ring_enter(&ring, 0, 0);
    else if (!ring_completed(&ring) && cpu < 0)
        ring_enter(&ring, 1, 10 * 1000 * 1000);
    unsigned count = ring_completed(&ring), head = *ring.cq_head;
    if (!count)
        return;
    uint64_t now = now_ns();
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_cqe cqe = ring.cqes[(head + i) & ring.cq_mask];
        uint32_t number = (uint32_t)cqe.user_data;
        if (cqe.user_data >> 32 == SEND) {
            fault("send", number, cqe.res);
            continue;
        }
        if (cqe.res > 0) {
            int used_up;
            const char *at = buffers_bytes(&buffers, &cqe, &used_up);
            received(number, at, (uint32_t)cqe.res, now);
            if (used_up)
                buffers_return(&buffers, cqe.flags >> IORING_CQE_BUFFER_SHIFT);
        } else if (cqe.res != -ENOBUFS) {
            fault("receive", number, cqe.res);
            continue;
        }
        if (!(cqe.flags & IORING_CQE_F_MORE))
            arm_receive(number);
    }
    buffers_publish(&buffers);
    ring_consume(&ring, count);
}

/* The processor time of the server by its own clock, threads of the kernel's included. The kernel adds to it when a
 * thread leaves its core, and for one that does not at every tick (4 ms at 250 Hz): up to 3 % of a slice, either way,
 * which the median over rotations takes out. */
static uint64_t server_ns(void) { return pid ? clock_ns(server_clock) : 0; }

/* How long threads were ready and had no core: second number of schedstat, over all of them. */
static uint64_t waited_ns(int process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", process);
    DIR *tasks = opendir(path);
    uint64_t sum = 0;
    for (struct dirent *task; tasks && (task = readdir(tasks)) != NULL;) {
        char file[128];
        snprintf(file, sizeof file, "%s/%.20s/schedstat", path, task->d_name);
        unsigned long long waited = 0;
        FILE *text = task->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (text && fscanf(text, "%*u %llu", &waited) == 1)
            sum += waited;
        if (text)
            fclose(text);
    }
    if (tasks)
        closedir(tasks);
    return sum;
}

static int measure(double warmup_seconds, double measured_seconds)
{
    memset(histogram, 0, sizeof histogram);
    recorded = bytes_in = 0;
    stopping = measuring = 0;
    uint64_t began = now_ns(), from = began + (uint64_t)(warmup_seconds * 1e9);
    for (uint32_t i = 0; i < connection_count; i++) {
        /* In broadcast every message is a packet of its own; a stream sends its first ones together. */
        start(i, depth, now_ns());
        if (i % 32 == 31)
            pump();
    }
    while (now_ns() < from && !errors)
        pump();
    measuring = 1;
    uint64_t server_waited = pid ? waited_ns(pid) : 0, driver_waited = waited_ns(getpid());
    uint64_t first = answered, spent = server_ns(), start_ns = now_ns();
    uint64_t until = start_ns + (uint64_t)(measured_seconds * 1e9);
    while (now_ns() < until && !errors)
        pump();
    measuring = 0;
    spent = server_ns() - spent;
    double elapsed = (double)(now_ns() - start_ns) / 1e9;
    uint64_t messages = answered - first;
    double without_core = (double)(waited_ns(getpid()) - driver_waited);
    if (pid)
        without_core += (double)(waited_ns(pid) - server_waited);

    stopping = 1;
    uint64_t patience = now_ns() + 2000000000u;
    while (under_way && now_ns() < patience && !errors)
        pump();
    static const char *names[] = {"echo", "packet", "broadcast"};
    printf("{\"mode\": \"%s\", \"connections\": %u, \"depth\": %u, \"size\": %u, \"seconds\": %.3f, "
           "\"messages\": %llu, \"messages_per_second\": %.0f, \"server_ns_per_message\": %.1f, "
           "\"server_share\": %.3f, \"without_core\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
           "\"mismatches\": %llu, \"errors\": %llu, \"unanswered\": %llu}\n",
           names[mode], connection_count, depth, size, elapsed, (unsigned long long)messages,
           (double)messages / elapsed, messages ? (double)spent / (double)messages : 0,
           (double)spent / 1e9 / elapsed, without_core / 1e9 / elapsed, percentile_us(0.5), percentile_us(0.99),
           percentile_us(0.999), (unsigned long long)mismatches, (unsigned long long)errors,
           (unsigned long long)under_way);
    fflush(stdout);
    return mismatches || errors || under_way ? 1 : 0;
}

static void connect_all(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int *descriptors = calloc(connection_count, sizeof *descriptors), one = 1;
    for (uint32_t i = 0; i < connection_count; i++) {
        descriptors[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(descriptors[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (descriptors[i] < 0 || connect(descriptors[i], (void *)&to, sizeof to))
            die("connect");
    }
    if (ring_register(&ring, IORING_REGISTER_FILES, descriptors, connection_count))
        die("IORING_REGISTER_FILES");
    for (uint32_t i = 0; i < connection_count; i++)
        arm_receive(i);
    ring_enter(&ring, 0, 0);
}

static int refuse(const char *why)
{
    fprintf(stderr, "load: %s\n", why);
    return 64;
}

static int parse(int count, char **words)
{
    for (int i = 1; i < count; i += 2) {
        const char *name = words[i], *value = i + 1 < count ? words[i + 1] : "";
        if (!strcmp(name, "--port")) port = atoi(value);
        else if (!strcmp(name, "--pid")) pid = atoi(value);
        else if (!strcmp(name, "--cpu")) cpu = atoi(value);
        else if (!strcmp(name, "--commands")) commanded = atoi(value);
        else if (!strcmp(name, "--warmup")) warmup = atof(value);
        else if (!strcmp(name, "--seconds")) seconds = atof(value);
        else if (!strcmp(name, "--connections")) connection_count = (uint32_t)atoi(value);
        else if (!strcmp(name, "--depth")) depth = (uint32_t)atoi(value);
        else if (!strcmp(name, "--size")) size = (uint32_t)atoi(value);
        else if (!strcmp(name, "--group")) group = (uint32_t)atoi(value);
        else if (!strcmp(name, "--mode") && !strcmp(value, "echo")) mode = ECHO;
        else if (!strcmp(name, "--mode") && !strcmp(value, "packet")) mode = PACKET;
        else if (!strcmp(name, "--mode") && !strcmp(value, "broadcast")) mode = BROADCAST;
        else return refuse(name);
    }
    if (!size)
        size = mode == PACKET ? 200 : 64;
    if (!port)
        return refuse("--port is missing");
    if (!connection_count || !depth || (uint64_t)depth * size > IN_FLIGHT_LIMIT || size > 65535)
        return refuse("wants connections, a depth and a size; depth times size at most 128 KiB");
    if (mode == BROADCAST && (!group || connection_count % group || size < sizeof(struct broadcast_header)))
        return refuse("broadcast wants connections that are a multiple of the group, and 24 bytes or more");
    if (mode == PACKET && size < 4)
        return refuse("a packet has 4 bytes or more");
    return 0;
}

int main(int count, char **words)
{
    int status = parse(count, words);
    if (status)
        return status;
    if (pid && clock_getcpuclockid(pid, &server_clock))
        return refuse("no such process");
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    ring_open(&ring, 4096, 65536);
    buffers_open(&ring, &buffers);
    messages_open();
    connect_all();
    if (!commanded)
        return measure(warmup, seconds);
    for (char line[64]; fgets(line, sizeof line, stdin);) {
        if (sscanf(line, "%lf %lf", &warmup, &seconds) != 2)
            return refuse("a command is WARMUP SECONDS");
        status |= measure(warmup, seconds);
    }
    return status;
}
