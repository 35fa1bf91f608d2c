/* SPDX-License-Identifier: Apache-2.0
 *
 * Fibers over ucontext(3): a body that runs on a stack of its own and gives way by itself. What a simulated thread is,
 * because one that waits in the middle of a system call must let others run. One thread has them all.
 */
#pragma once

#include <stddef.h>

struct cf_fiber;

/* Makes a fiber that will run `body(argument)`; NULL when there is no memory. */
struct cf_fiber *cf_make(size_t stack_size, void (*body)(void *), void *argument);
/* Runs it until it gives way or ends. Returns whether it has ended. */
int cf_resume(struct cf_fiber *fiber);
/* Gives way; called by the body of `fiber` only. */
void cf_give_way(struct cf_fiber *fiber);
/* Frees it. One that has not ended is abandoned with what is on its stack. */
void cf_free(struct cf_fiber *fiber);
