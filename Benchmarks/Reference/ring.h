/* SPDX-License-Identifier: Apache-2.0
 *
 * The little of io_uring that the reference server and the load driver need, on the bare system calls: a ring for one
 * thread, and a ring of provided buffers. Constants newer than the headers of Linux 6.1 are named here.
 */
#pragma once
#include <errno.h>
#include <linux/io_uring.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ENTER_REGISTERED_RING = 1 << 4,
    PBUF_RING_INCREMENTAL = 2,
    CQE_MORE_IN_BUFFER = 1 << 4,
};

struct wait_argument {
    uint64_t signals;
    uint32_t signals_size, reserved;
    uint64_t timespec;
};

struct ring {
    int fd, enter_fd;
    unsigned enter_flags, tail, sq_entries, sq_mask, cq_mask;
    unsigned *sq_head, *sq_tail, *sq_flags, *cq_head, *cq_tail;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline void *map(int fd, size_t size, off_t offset)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);
    if (memory == MAP_FAILED)
        die("mmap");
    return memory;
}

static inline int ring_register(struct ring *ring, unsigned operation, const void *argument, unsigned count)
{
    return (int)syscall(__NR_io_uring_register, ring->fd, operation, argument, count);
}

/* Must be called by the thread that will use the ring. TASKRUN_FLAG is what makes ring_has_more() tell the truth. */
static inline void ring_open(struct ring *ring, unsigned sq_entries, unsigned cq_entries)
{
    struct io_uring_params p = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = cq_entries,
    };
    ring->fd = (int)syscall(__NR_io_uring_setup, sq_entries, &p);
    if (ring->fd < 0)
        die("io_uring_setup (Linux 6.1 or later, and not forbidden here?)");
    size_t sq_size = p.sq_off.array + p.sq_entries * sizeof(unsigned);
    size_t cq_size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
    char *rings = map(ring->fd, sq_size > cq_size ? sq_size : cq_size, IORING_OFF_SQ_RING);
    ring->sqes = map(ring->fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    ring->sq_head = (unsigned *)(rings + p.sq_off.head);
    ring->sq_tail = (unsigned *)(rings + p.sq_off.tail);
    ring->sq_flags = (unsigned *)(rings + p.sq_off.flags);
    ring->cq_head = (unsigned *)(rings + p.cq_off.head);
    ring->cq_tail = (unsigned *)(rings + p.cq_off.tail);
    ring->cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
    ring->sq_entries = p.sq_entries;
    ring->sq_mask = p.sq_entries - 1;
    ring->cq_mask = p.cq_entries - 1;
    ring->tail = 0;
    for (unsigned i = 0; i < p.sq_entries; i++)
        ((unsigned *)(rings + p.sq_off.array))[i] = i;

    /* A registered ring saves the look-up of its descriptor in every enter. */
    struct io_uring_rsrc_update update = {.offset = -1U, .data = (unsigned)ring->fd};
    int registered = ring_register(ring, IORING_REGISTER_RING_FDS, &update, 1) == 1;
    ring->enter_fd = registered ? (int)update.offset : ring->fd;
    ring->enter_flags = registered ? ENTER_REGISTERED_RING : 0;
}

static inline unsigned ring_queued(struct ring *ring)
{
    return ring->tail - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
}

/* Submits what is queued and runs the work the kernel deferred; waits for `wait` completions, at most `nanoseconds`
 * (0: for ever). Entries that the kernel did not take stay queued. */
static inline void ring_enter(struct ring *ring, unsigned wait, uint64_t nanoseconds)
{
    struct __kernel_timespec time = {0, (long long)nanoseconds};
    struct wait_argument argument = {0, 8, 0, (uint64_t)(uintptr_t)&time};
    unsigned flags = IORING_ENTER_GETEVENTS | ring->enter_flags;
    __atomic_store_n(ring->sq_tail, ring->tail, __ATOMIC_RELEASE);
    long result = nanoseconds
                      ? syscall(__NR_io_uring_enter, ring->enter_fd, ring_queued(ring), wait,
                                flags | IORING_ENTER_EXT_ARG, &argument, sizeof argument)
                      : syscall(__NR_io_uring_enter, ring->enter_fd, ring_queued(ring), wait, flags, NULL, 0);
    if (result < 0 && errno != EINTR && errno != ETIME && errno != EBUSY && errno != EAGAIN)
        die("io_uring_enter");
}

/* The kernel has deferred work that an enter without waiting would turn into completions. */
static inline int ring_has_more(struct ring *ring)
{
    return __atomic_load_n(ring->sq_flags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN;
}
static inline int ring_overflowed(struct ring *ring)
{
    return __atomic_load_n(ring->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_CQ_OVERFLOW;
}
static inline unsigned ring_completed(struct ring *ring)
{
    return __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) - *ring->cq_head;
}
static inline void ring_consume(struct ring *ring, unsigned count)
{
    __atomic_store_n(ring->cq_head, *ring->cq_head + count, __ATOMIC_RELEASE);
}

static inline struct io_uring_sqe *ring_sqe(struct ring *ring, unsigned char opcode, int fd, uint64_t user_data)
{
    while (ring_queued(ring) == ring->sq_entries)
        ring_enter(ring, 0, 0);
    struct io_uring_sqe *sqe = &ring->sqes[ring->tail++ & ring->sq_mask];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = opcode;
    sqe->fd = fd;
    sqe->user_data = user_data;
    return sqe;
}

/* Provided buffers. Incremental ones (Linux 6.12) are large and filled piece by piece, so that a large message arrives
 * whole and a small one costs no buffer of its own; without them there are many small ones. */
struct buffers {
    struct io_uring_buf_ring *ring;
    char *memory;
    uint32_t *used;
    unsigned count, size, tail;
};

static inline void buffers_return(struct buffers *b, unsigned buffer)
{
    struct io_uring_buf *entry = &b->ring->bufs[b->tail++ & (b->count - 1)];
    entry->addr = (uint64_t)(uintptr_t)(b->memory + (size_t)buffer * b->size);
    entry->len = b->size;
    entry->bid = (uint16_t)buffer;
    b->used[buffer] = 0;
}
static inline void buffers_publish(struct buffers *b)
{
    __atomic_store_n(&b->ring->tail, (uint16_t)b->tail, __ATOMIC_RELEASE);
}

static inline int buffers_try(struct ring *ring, struct buffers *b, unsigned count, unsigned size, uint16_t flags)
{
    b->count = count;
    b->size = size;
    b->tail = 0;
    b->ring = map(-1, count * sizeof(struct io_uring_buf), 0);
    struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)b->ring, .ring_entries = count};
    /* The word after `bgid` is flags since Linux 6.4 and has another name before. */
    memcpy((char *)&registration + offsetof(struct io_uring_buf_reg, bgid) + 2, &flags, sizeof flags);
    if (ring_register(ring, IORING_REGISTER_PBUF_RING, &registration, 1) < 0) {
        munmap(b->ring, count * sizeof(struct io_uring_buf));
        return 0;
    }
    b->memory = map(-1, (size_t)count * size, 0);
    b->used = calloc(count, sizeof *b->used);
    for (unsigned i = 0; i < count; i++)
        buffers_return(b, i);
    buffers_publish(b);
    return 1;
}
static inline void buffers_open(struct ring *ring, struct buffers *b)
{
    if (!buffers_try(ring, b, 64, 64 << 10, PBUF_RING_INCREMENTAL) && !buffers_try(ring, b, 1024, 4 << 10, 0))
        die("IORING_REGISTER_PBUF_RING");
}

/* The bytes of a receive, and whether its buffer is now used up and to be returned. */
static inline char *buffers_bytes(struct buffers *b, const struct io_uring_cqe *cqe, int *used_up)
{
    unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    char *bytes = b->memory + (size_t)buffer * b->size + b->used[buffer];
    b->used[buffer] += (uint32_t)cqe->res;
    *used_up = !(cqe->flags & CQE_MORE_IN_BUFFER);
    return bytes;
}
