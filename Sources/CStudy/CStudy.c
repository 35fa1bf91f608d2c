/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CStudy.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
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
