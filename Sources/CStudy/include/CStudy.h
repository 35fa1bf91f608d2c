/* SPDX-License-Identifier: Apache-2.0
 *
 * What measuring asks of Linux and Swift cannot call: starting a child that ends with its parent, on a core of its
 * own, a network of its own, and epoll. Functions return what the call returns, or minus an errno where it says so.
 */
#pragma once

#include "threads.h"
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

/* Starts a program with the three descriptors as its standard ones, in a session of its own, so that the terminal's
 * Ctrl-C does not reach it. The kernel kills it when the calling thread ends. `core` -1: any. Returns its process id,
 * or minus an errno; a program that cannot be run ends with status 127. */
pid_t cs_spawn(const char *program, char *const arguments[], int input, int output, int errors, int core);

/* A pipe that no child inherits; 0, or minus an errno. */
int cs_pipe(int ends[2]);

/* Moves the calling thread, and the children that it starts from now on, into a network namespace of its own
 * (network_namespaces(7)): a loopback that is up, nothing else, and a congestion control for TCP (tcp(7)). Without the
 * right to do so a user namespace is made as well, which only a process of one thread may. Returns 0, or minus an
 * errno; then nothing has changed. */
int cs_enter_own_network(const char *congestion_control);

/* Whether this process may run on a core. */
int cs_may_run_on(unsigned core);

/* Connects to 127.0.0.1 with buffers of so many bytes, which have to be set before the connection stands. Returns a
 * descriptor that does not block, or minus an errno. */
int cs_connect_with_buffers(uint16_t port, int receive, int send);

/* Waits until one of the descriptors has room to send; 0: none had within so many milliseconds. */
int cs_any_has_room(const int *descriptors, unsigned count, int milliseconds);

int cs_epoll_create(void);
int cs_epoll_add(int set, int descriptor, uint32_t events, uint64_t data);
int cs_epoll_change(int set, int descriptor, uint32_t events, uint64_t data);
int cs_epoll_wait(int set, struct epoll_event *events, int count, int milliseconds);
static inline uint32_t cs_epoll_in(void) { return (uint32_t)EPOLLIN; }
static inline uint32_t cs_epoll_out(void) { return (uint32_t)EPOLLOUT; }
