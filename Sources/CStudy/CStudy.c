/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CStudy.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void become(const char *program, char *const arguments[], const int standard[3], int core, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The parent may have ended before that. */
    if (getppid() != parent)
        _exit(127);
    setsid();
    if (core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)core, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    for (int i = 0; i < 3; i++)
        if (dup2(standard[i], i) < 0)
            _exit(127);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(program, arguments);
    _exit(127);
}

pid_t cs_spawn(const char *program, char *const arguments[], int input, int output, int errors, int core)
{
    const int standard[3] = {input, output, errors};
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        become(program, arguments, standard, core, parent);
    return child < 0 ? -errno : child;
}

int cs_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) ? -errno : 0; }

int cs_may_run_on(unsigned core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return core < CPU_SETSIZE && !sched_getaffinity(0, sizeof set, &set) && CPU_ISSET(core, &set);
}

int cs_connect_with_buffers(uint16_t port, int receive, int send)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (descriptor < 0)
        return -errno;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive, sizeof receive);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send, sizeof send);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(descriptor, (const struct sockaddr *)&name, sizeof name) == 0
        && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
        return descriptor;
    int code = errno;
    close(descriptor);
    return -code;
}

int cs_any_has_room(const int *descriptors, unsigned count, int milliseconds)
{
    struct pollfd *watched = calloc(count, sizeof *watched);
    if (!watched)
        return 0;
    for (unsigned i = 0; i < count; i++)
        watched[i] = (struct pollfd){.fd = descriptors[i], .events = POLLOUT};
    int ready = poll(watched, count, milliseconds);
    free(watched);
    return ready > 0;
}

int cs_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int set, int operation, int descriptor, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, descriptor, &event);
}

int cs_epoll_add(int set, int descriptor, uint32_t events, uint64_t data)
{
    return control(set, EPOLL_CTL_ADD, descriptor, events, data);
}

int cs_epoll_change(int set, int descriptor, uint32_t events, uint64_t data)
{
    return control(set, EPOLL_CTL_MOD, descriptor, events, data);
}

int cs_epoll_wait(int set, struct epoll_event *events, int count, int milliseconds)
{
    return epoll_wait(set, events, count, milliseconds);
}
