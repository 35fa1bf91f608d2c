/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "threads_connection.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STACK = 64 << 10 };

struct cs_thread_server {
    int listener, group_size;
    enum cs_thread_mode mode;
    pthread_t accepter;
    pthread_attr_t attributes;
    /* The accepting thread's alone. */
    struct counts accepting;
    int arrivals;
    bool has_complained;
    /* The group that is not full. */
    struct group *filling;
    /* Of all below, and of the groups' references. */
    pthread_mutex_t lock;
    pthread_cond_t gone;
    struct connection *connections;
    int open;
    bool is_stopping;
    /* What connections that have ended had counted. */
    struct cs_thread_counters past;
};

static void collect(struct cs_thread_counters *sum, const struct counts *counts)
{
    sum->system_calls += atomic_load_explicit(&counts->system_calls, memory_order_relaxed);
    sum->bytes_received += atomic_load_explicit(&counts->bytes_received, memory_order_relaxed);
    sum->packets += atomic_load_explicit(&counts->packets, memory_order_relaxed);
    sum->sends += atomic_load_explicit(&counts->sends, memory_order_relaxed);
    sum->bytes_sent += atomic_load_explicit(&counts->bytes_sent, memory_order_relaxed);
}

/* With the lock. */
static void drop(struct group *group)
{
    if (!group || --group->references > 0)
        return;
    pthread_mutex_destroy(&group->lock);
    free(group->members);
    free(group);
}

/* ---- A connection's thread */

static void *serve(void *argument)
{
    struct connection *own = argument;
    struct cs_thread_server *server = own->server;
    cs_connection_serve(own, server->mode);
    if (own->group)
        cs_group_leave(own->group, own);
    pthread_mutex_lock(&server->lock);
    *own->link = own->next;
    if (own->next)
        own->next->link = own->link;
    collect(&server->past, &own->counts);
    server->past.system_calls++;
    close(own->descriptor);
    drop(own->group);
    free(own);
    server->open--;
    pthread_cond_broadcast(&server->gone);
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* ---- The accepting thread */

static void complain(struct cs_thread_server *server, const char *call, int code)
{
    if (!server->has_complained)
        dprintf(STDERR_FILENO, "%s: %s\n", call, strerror(code));
    server->has_complained = true;
}

/* The group of the next arrival; NULL: no memory. */
static struct group *group_of_next(struct cs_thread_server *server)
{
    struct group *group = server->filling;
    if (!group) {
        group = calloc(1, sizeof *group);
        if (!group)
            return NULL;
        pthread_mutex_init(&group->lock, NULL);
        /* The server's own, until the group is full. */
        group->references = 1;
        server->filling = group;
    }
    pthread_mutex_lock(&server->lock);
    group->references++;
    if (server->group_size > 0 && ++server->arrivals % server->group_size == 0) {
        drop(group);
        server->filling = NULL;
    }
    pthread_mutex_unlock(&server->lock);
    return group;
}

static struct connection *make(struct cs_thread_server *server, int descriptor)
{
    struct connection *made = malloc(sizeof *made);
    if (!made)
        return NULL;
    memset(made, 0, offsetof(struct connection, bytes));
    made->server = server;
    made->descriptor = descriptor;
    if (server->mode != CS_THREAD_BROADCAST)
        return made;
    made->group = group_of_next(server);
    if (made->group && cs_group_join(made->group, made))
        return made;
    pthread_mutex_lock(&server->lock);
    drop(made->group);
    pthread_mutex_unlock(&server->lock);
    free(made);
    return NULL;
}

/* 0: its thread runs. Linked first: a thread may end before it is known that it began. */
static int start(struct cs_thread_server *server, struct connection *connection)
{
    pthread_t thread;
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->open++;
    int code = pthread_create(&thread, &server->attributes, serve, connection);
    if (code != 0) {
        server->connections = connection->next;
        if (connection->next)
            connection->next->link = &server->connections;
        server->open--;
    }
    return code;
}

static void welcome(struct cs_thread_server *server, int descriptor)
{
    struct connection *connection = make(server, descriptor);
    int code = ENOMEM;
    pthread_mutex_lock(&server->lock);
    server->past.accepted++;
    if (connection)
        code = server->is_stopping ? ECANCELED : start(server, connection);
    pthread_mutex_unlock(&server->lock);
    if (code == 0)
        return;
    if (code != ECANCELED)
        complain(server, "cannot start a thread", code);
    /* Wakes a member that sends to this one, and has the group's lock. */
    shutdown(descriptor, SHUT_RDWR);
    if (connection && connection->group) {
        cs_group_leave(connection->group, connection);
        pthread_mutex_lock(&server->lock);
        drop(connection->group);
        pthread_mutex_unlock(&server->lock);
    }
    free(connection);
    close(descriptor);
}

/* Waits until a connection ends: there is no descriptor or no memory for another. */
static void wait_for_room(struct cs_thread_server *server, int code)
{
    complain(server, "accept paused", code);
    pthread_mutex_lock(&server->lock);
    if (!server->is_stopping && server->open > 0)
        pthread_cond_wait(&server->gone, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

static void *accept_all(void *argument)
{
    struct cs_thread_server *server = argument;
    while (true) {
        cs_add(&server->accepting.system_calls, 1);
        int descriptor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (descriptor >= 0)
            welcome(server, descriptor);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            wait_for_room(server, errno);
        else if (errno == EINVAL || errno == EBADF)
            return NULL;
    }
}

/* ---- The caller's thread */

static sigset_t signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    return set;
}

void cs_threads_block_signals(void)
{
    sigset_t set = signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int cs_threads_wait_for_signal(void)
{
    sigset_t set = signals();
    int number = 0;
    while (sigwait(&set, &number) != 0) {
    }
    return number;
}

static void release(struct cs_thread_server *server)
{
    pthread_attr_destroy(&server->attributes);
    pthread_cond_destroy(&server->gone);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

struct cs_thread_server *cs_threads_start(int listener, enum cs_thread_mode mode, int group)
{
    struct cs_thread_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->listener = listener;
    server->mode = mode;
    server->group_size = group;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&server->gone, &clock);
    pthread_condattr_destroy(&clock);
    pthread_attr_init(&server->attributes);
    pthread_attr_setstacksize(&server->attributes, STACK);
    pthread_attr_setdetachstate(&server->attributes, PTHREAD_CREATE_DETACHED);
    int code = pthread_create(&server->accepter, NULL, accept_all, server);
    if (code == 0)
        return server;
    release(server);
    errno = code;
    return NULL;
}

struct cs_thread_counters cs_threads_count(struct cs_thread_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct cs_thread_counters sum = server->past;
    collect(&sum, &server->accepting);
    for (struct connection *each = server->connections; each; each = each->next)
        collect(&sum, &each->counts);
    sum.sessions = (uint64_t)server->open;
    pthread_mutex_unlock(&server->lock);
    return sum;
}

int cs_threads_stop(struct cs_thread_server *server, int seconds, struct cs_thread_counters *counted)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    for (struct connection *each = server->connections; each; each = each->next)
        shutdown(each->descriptor, SHUT_RDWR);
    pthread_cond_broadcast(&server->gone);
    pthread_mutex_unlock(&server->lock);
    /* Wakes accept(2), which says EINVAL then. */
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->accepter, NULL);
    pthread_mutex_lock(&server->lock);
    while (server->open > 0 && pthread_cond_timedwait(&server->gone, &server->lock, &until) == 0) {
    }
    int left = server->open;
    pthread_mutex_unlock(&server->lock);
    *counted = cs_threads_count(server);
    if (left > 0)
        return left;
    close(server->listener);
    drop(server->filling);
    release(server);
    return 0;
}
