/* SPDX-License-Identifier: Apache-2.0
 *
 * A load of connections that come and go: connect, one echo, close. Plain blocking sockets, a few side by side; every
 * byte that comes back is compared, and one line of JSON says how it went.
 *
 *   churn --port N [--pid SERVER] [--connections N] [--size BYTES] [--cpu N]
 *
 * Measures one slice for each line "WARMUP SECONDS" of standard input, until its end. A message of the line is a
 * connection; its time is from before connect(2) until its answer is there, with all those beside it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BESIDE_LIMIT = 1024, TIMES = 1 << 20 };

static int port, pid, cpu = -1, beside = 16, size = 64;
static clockid_t server_clock;
static uint64_t done, errors, mismatches;
static unsigned char message[65536], answer[65536];
static uint64_t times[TIMES];
static uint32_t time_count;
static int measuring;

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int open_one(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0 && !connect(fd, (void *)&to, sizeof to) && send(fd, message, (size_t)size, MSG_NOSIGNAL) == size)
        return fd;
    errors++;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void finish_one(int fd, uint64_t began)
{
    int got = 0;
    while (got < size) {
        ssize_t count = recv(fd, answer + got, (size_t)(size - got), 0);
        if (count <= 0) {
            errors++;
            break;
        }
        got += (int)count;
    }
    if (got == size) {
        done++;
        mismatches += memcmp(message, answer, (size_t)size) != 0;
        if (measuring && time_count < TIMES)
            times[time_count++] = nanoseconds(CLOCK_MONOTONIC) - began;
    }
    close(fd);
}

static void run_until(uint64_t end)
{
    int open[BESIDE_LIMIT];
    uint64_t began[BESIDE_LIMIT];
    while (nanoseconds(CLOCK_MONOTONIC) < end && errors < 100) {
        /* Another message each time, so that an answer to somebody else is seen. */
        for (int i = 0; i < size && i < 8; i++)
            message[i] = (unsigned char)(done >> (8 * i));
        for (int i = 0; i < beside; i++) {
            began[i] = nanoseconds(CLOCK_MONOTONIC);
            open[i] = open_one();
        }
        for (int i = 0; i < beside; i++)
            if (open[i] >= 0)
                finish_one(open[i], began[i]);
    }
}

static int earlier(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static double percentile_us(double share)
{
    return time_count ? (double)times[(uint32_t)(share * (time_count - 1))] / 1000 : 0;
}

static void measure(double warmup, double seconds)
{
    run_until(nanoseconds(CLOCK_MONOTONIC) + (uint64_t)(warmup * 1e9));
    time_count = 0;
    measuring = 1;
    uint64_t before = done, spent = pid ? nanoseconds(server_clock) : 0, from = nanoseconds(CLOCK_MONOTONIC);
    run_until(from + (uint64_t)(seconds * 1e9));
    measuring = 0;
    uint64_t count = done - before;
    spent = pid ? nanoseconds(server_clock) - spent : 0;
    double elapsed = (double)(nanoseconds(CLOCK_MONOTONIC) - from) / 1e9;
    qsort(times, time_count, sizeof *times, earlier);
    printf("{\"messages\": %llu, \"messages_per_second\": %.0f, \"server_ns_per_message\": %.0f, "
           "\"server_share\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"without_core\": 0, "
           "\"mismatches\": %llu, \"errors\": %llu, \"unanswered\": 0}\n",
           (unsigned long long)count, (double)count / elapsed, count ? (double)spent / (double)count : 0,
           (double)spent / 1e9 / elapsed, percentile_us(0.5), percentile_us(0.99), (unsigned long long)mismatches,
           (unsigned long long)errors);
    fflush(stdout);
}

int main(int count, char **words)
{
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i];
        int value = atoi(words[i + 1]);
        if (!strcmp(name, "--port")) port = value;
        else if (!strcmp(name, "--pid")) pid = value;
        else if (!strcmp(name, "--cpu")) cpu = value;
        else if (!strcmp(name, "--connections")) beside = value;
        else if (!strcmp(name, "--size")) size = value;
        else port = -1;
    }
    if (port <= 0 || beside < 1 || beside > BESIDE_LIMIT || size < 1 || size > (int)sizeof message) {
        fprintf(stderr, "churn: wants --port, --connections 1 to %d and --size 1 to %zu\n", BESIDE_LIMIT, sizeof message);
        return 64;
    }
    if (pid && clock_getcpuclockid(pid, &server_clock)) {
        fprintf(stderr, "churn: no such process\n");
        return 64;
    }
    if (cpu >= 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET((size_t)cpu, &cores);
        sched_setaffinity(0, sizeof cores, &cores);
    }
    for (char line[64]; fgets(line, sizeof line, stdin);) {
        double warmup, seconds;
        if (sscanf(line, "%lf %lf", &warmup, &seconds) != 2)
            return 64;
        measure(warmup, seconds);
    }
    return errors || mismatches ? 1 : 0;
}
