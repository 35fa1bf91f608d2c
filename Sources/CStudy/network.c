/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CStudy.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int put(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    int code = write(file, text, strlen(text)) < 0 ? -errno : 0;
    close(file);
    return code;
}

/* The user stays who it is: in its own user namespace it may only be mapped to itself (user_namespaces(7)). */
static int keep_user(uid_t user, gid_t group)
{
    char users[32], groups[32];
    snprintf(users, sizeof users, "%u %u 1", user, user);
    snprintf(groups, sizeof groups, "%u %u 1", group, group);
    int code = put("/proc/self/uid_map", users);
    if (!code)
        code = put("/proc/self/setgroups", "deny");
    return code ? code : put("/proc/self/gid_map", groups);
}

static int leave_network(void)
{
    if (unshare(CLONE_NEWNET) == 0)
        return 0;
    if (errno != EPERM)
        return -errno;
    /* Whoever may not may do so in a user namespace of its own. */
    uid_t user = geteuid();
    gid_t group = getegid();
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) ? -errno : keep_user(user, group);
}

static int raise_loopback(void)
{
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    struct ifreq request = {.ifr_name = "lo"};
    int code = ioctl(descriptor, SIOCGIFFLAGS, &request);
    if (!code) {
        request.ifr_flags |= IFF_UP;
        code = ioctl(descriptor, SIOCSIFFLAGS, &request);
    }
    code = code ? -errno : 0;
    close(descriptor);
    return code;
}

static int enter(const char *congestion_control)
{
    int code = leave_network();
    if (!code)
        code = raise_loopback();
    return code ? code : put("/proc/sys/net/ipv4/tcp_congestion_control", congestion_control);
}

int cs_enter_own_network(const char *congestion_control)
{
    /* There may be no way back from a network that does not work: a child tries it first. */
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0)
        _exit(-enter(congestion_control));
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (!WIFEXITED(status))
        return -ECHILD;
    return WEXITSTATUS(status) ? -WEXITSTATUS(status) : enter(congestion_control);
}
