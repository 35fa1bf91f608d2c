/* SPDX-License-Identifier: Apache-2.0
 *
 * Fibers: ucontext(3) makes the stack and enters it once; from then on setjmp(3) goes back and forth, because it spares
 * the two system calls of swapcontext(3) for the signal mask, which no fiber changes.
 */
#define _GNU_SOURCE
#include "CFiber.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

struct cf_fiber {
    ucontext_t entry;
    jmp_buf own, resumer;
    void *stack;
    size_t stack_size;
    void (*body)(void *);
    void *argument;
    int has_begun, has_ended;
};

/* makecontext(3) passes ints. */
static void start(unsigned high, unsigned low)
{
    struct cf_fiber *fiber = (struct cf_fiber *)((uintptr_t)high << 32 | (uintptr_t)low);
    fiber->body(fiber->argument);
    fiber->has_ended = 1;
    _longjmp(fiber->resumer, 1);
}

struct cf_fiber *cf_make(size_t stack_size, void (*body)(void *), void *argument)
{
    struct cf_fiber *fiber = calloc(1, sizeof *fiber);
    if (!fiber)
        return NULL;
    void *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        free(fiber);
        return NULL;
    }
    /* What runs over its stack traps instead of writing somewhere. */
    mprotect(stack, 4096, PROT_NONE);
    fiber->stack = stack;
    fiber->stack_size = stack_size;
    fiber->body = body;
    fiber->argument = argument;
    getcontext(&fiber->entry);
    fiber->entry.uc_stack.ss_sp = stack;
    fiber->entry.uc_stack.ss_size = stack_size;
    fiber->entry.uc_link = NULL;
    uintptr_t address = (uintptr_t)fiber;
    makecontext(&fiber->entry, (void (*)(void))start, 2, (unsigned)(address >> 32), (unsigned)address);
    return fiber;
}

int cf_resume(struct cf_fiber *fiber)
{
    if (fiber->has_ended || _setjmp(fiber->resumer))
        return fiber->has_ended;
    if (fiber->has_begun)
        _longjmp(fiber->own, 1);
    fiber->has_begun = 1;
    setcontext(&fiber->entry);
    return 0;
}

void cf_give_way(struct cf_fiber *fiber)
{
    if (!_setjmp(fiber->own))
        _longjmp(fiber->resumer, 1);
}

void cf_free(struct cf_fiber *fiber)
{
    munmap(fiber->stack, fiber->stack_size);
    free(fiber);
}
