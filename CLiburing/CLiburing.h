/* SPDX-License-Identifier: Apache-2.0
 *
 * The only place that touches liburing: what Swift cannot import from liburing 2.3 (macros, atomics on mapped
 * rings, flags made of `1U << enum`), and the kernel constants that are newer than it. Functions of stable
 * signature and without a decision: whatever needs an `if` is Swift.
 */
#pragma once

/* liburing.h defines _GNU_SOURCE by itself, but the C library's module map was built without it: these two come
 * first, or a debug build sees two different fd_set. */
#include <sys/types.h>
#include <sys/select.h>

#include <liburing.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* Names and values: include/uapi/linux/io_uring.h of the kernel that brought each. */
enum {
    CL_SETUP_SQPOLL = 1 << 1,
    CL_SETUP_CQSIZE = 1 << 3,
    CL_SETUP_CLAMP = 1 << 4,
    CL_SETUP_R_DISABLED = 1 << 6,
    CL_SETUP_SUBMIT_ALL = 1 << 7,
    CL_SETUP_COOP_TASKRUN = 1 << 8,
    CL_SETUP_TASKRUN_FLAG = 1 << 9,
    CL_SETUP_SINGLE_ISSUER = 1 << 12,
    CL_SETUP_DEFER_TASKRUN = 1 << 13,

    CL_FEATURE_NODROP = 1 << 1,
    CL_FEATURE_EXT_ARG = 1 << 8,
    CL_FEATURE_MIN_TIMEOUT = 1 << 15,
    CL_FEATURE_NO_IOWAIT = 1 << 17,

    CL_ENTER_GETEVENTS = 1 << 0,
    CL_ENTER_SQ_WAKEUP = 1 << 1,
    CL_ENTER_SQ_WAIT = 1 << 2,
    CL_ENTER_EXT_ARG = 1 << 3,
    CL_ENTER_REGISTERED_RING = 1 << 4,
    CL_ENTER_ABS_TIMER = 1 << 5,
    CL_ENTER_NO_IOWAIT = 1 << 7,

    CL_SQ_NEED_WAKEUP = 1 << 0,
    CL_SQ_CQ_OVERFLOW = 1 << 1,
    CL_SQ_TASKRUN = 1 << 2,

    CL_SQE_FIXED_FILE = 1 << 0,
    CL_SQE_BUFFER_SELECT = 1 << 5,
    CL_SQE_CQE_SKIP_SUCCESS = 1 << 6,

    CL_RECVSEND_POLL_FIRST = 1 << 0,
    CL_RECV_MULTISHOT = 1 << 1,
    CL_SEND_ZC_REPORT_USAGE = 1 << 3,
    CL_RECVSEND_BUNDLE = 1 << 4,
    CL_SEND_VECTORIZED = 1 << 5,
    CL_ACCEPT_MULTISHOT = 1 << 0,

    CL_CQE_F_BUFFER = 1 << 0,
    CL_CQE_F_MORE = 1 << 1,
    CL_CQE_F_NOTIFICATION = 1 << 3,
    CL_CQE_F_BUF_MORE = 1 << 4,

    CL_OP_ACCEPT = 13,
    CL_OP_ASYNC_CANCEL = 14,
    CL_OP_CONNECT = 16,
    CL_OP_CLOSE = 19,
    CL_OP_FILES_UPDATE = 20,
    CL_OP_READ = 22,
    CL_OP_SEND = 26,
    CL_OP_RECV = 27,
    CL_OP_SENDMSG = 9,
    CL_OP_RECVMSG = 10,
    CL_OP_SHUTDOWN = 34,
    CL_OP_MSG_RING = 40,
    CL_OP_SEND_ZC = 47,
    CL_OP_SENDMSG_ZC = 48,
    CL_OP_NOP = 0,

    CL_CANCEL_ALL = 1 << 0,
    CL_CANCEL_FD = 1 << 1,

    CL_REGISTER_FILES_UPDATE = 6,
    CL_REGISTER_FILES2 = 13,
    CL_REGISTER_RING_FDS = 20,
    CL_UNREGISTER_RING_FDS = 21,
    CL_REGISTER_PBUF_RING = 22,
    CL_UNREGISTER_PBUF_RING = 23,
    CL_REGISTER_PBUF_STATUS = 26,
    CL_REGISTER_ENABLE_RINGS = 12,
    CL_REGISTER_IOWQ_MAX_WORKERS = 19,
    CL_REGISTER_CLOCK = 29,
    CL_REGISTER_SEND_MSG_RING = 31,

    CL_PBUF_RING_INCREMENTAL = 2,
    CL_RSRC_REGISTER_SPARSE = 1,
};

/* io_uring_getevents_arg with the word that 2.3 still calls `pad` (6.12). */
struct cl_wait_argument {
    uint64_t sigmask;
    uint32_t sigmask_size;
    uint32_t min_wait_microseconds;
    uint64_t timespec;
};

/* io_uring_buf_reg with the word that 2.3 still calls `pad` (6.4). */
struct cl_buffer_ring_registration {
    uint64_t ring_address;
    uint32_t ring_entries;
    uint16_t group;
    uint16_t flags;
    uint64_t reserved[3];
};

/* io_uring_buf_status (6.8). */
struct cl_buffer_ring_status {
    uint32_t group;
    uint32_t head;
    uint32_t reserved[8];
};

/* io_uring_enter(2), once or more in every turn. Where the instruction is known it stands here: syscall(3) is a call
 * through a table, shifts all arguments and keeps errno for each thread. */
static inline int cl_enter(int fd, unsigned submit, unsigned min_complete, unsigned flags, const void *argument, size_t size)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = flags;
    register const void *r8 __asm__("r8") = argument;
    register size_t r9 __asm__("r9") = size;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((long)__NR_io_uring_enter), "D"((long)fd), "S"((long)submit), "d"((long)min_complete), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return (int)result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = __NR_io_uring_enter;
    register long x0 __asm__("x0") = fd;
    register long x1 __asm__("x1") = submit;
    register long x2 __asm__("x2") = min_complete;
    register long x3 __asm__("x3") = flags;
    register const void *x4 __asm__("x4") = argument;
    register size_t x5 __asm__("x5") = size;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return (int)x0;
#else
    long result = syscall(__NR_io_uring_enter, fd, submit, min_complete, flags, argument, size);
    return result < 0 ? -errno : (int)result;
#endif
}

static inline int cl_register(int fd, unsigned operation, const void *argument, unsigned count)
{
    long result = syscall(__NR_io_uring_register, fd, operation, argument, count);
    return result < 0 ? -errno : (int)result;
}

/* Submission queue. The index array is written once; afterwards entry i of the array names SQE i. */
static inline void cl_sq_fill_identity(struct io_uring *ring)
{
    for (unsigned i = 0; i < *ring->sq.kring_entries; i++)
        ring->sq.array[i] = i;
}
static inline unsigned cl_sq_entries(const struct io_uring *ring) { return *ring->sq.kring_entries; }
static inline unsigned cl_sq_mask(const struct io_uring *ring) { return *ring->sq.kring_mask; }

/* A word of a queue that the kernel writes or reads: heads, tails and flags of a struct io_uring. */
static inline unsigned cl_load(const unsigned *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void cl_store(unsigned *word, unsigned value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

/* With IORING_SETUP_SQPOLL: whether the kernel's thread sleeps. It says so and then looks at the queue once more, so
 * whoever publishes must look behind a full barrier. */
static inline int cl_sq_needs_wakeup(const struct io_uring *ring)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (cl_load(ring->sq.kflags) & CL_SQ_NEED_WAKEUP) != 0;
}
static inline unsigned cl_sq_published(const struct io_uring *ring) { return __atomic_load_n(ring->sq.ktail, __ATOMIC_RELAXED); }

/* Completion queue. */
static inline unsigned cl_cq_entries(const struct io_uring *ring) { return *ring->cq.kring_entries; }
static inline unsigned cl_cq_mask(const struct io_uring *ring) { return *ring->cq.kring_mask; }
static inline unsigned cl_cq_head(const struct io_uring *ring) { return *ring->cq.khead; }

/* Provided buffer ring (io_uring_register(2), IORING_REGISTER_PBUF_RING). */
static inline void cl_buffer_ring_put(struct io_uring_buf_ring *ring, unsigned mask, unsigned tail, uint64_t address, uint32_t length, uint16_t buffer)
{
    struct io_uring_buf *entry = &ring->bufs[tail & mask];
    entry->addr = address;
    entry->len = length;
    entry->bid = buffer;
}
static inline void cl_buffer_ring_publish(struct io_uring_buf_ring *ring, uint16_t tail) { __atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE); }

static inline uint32_t cl_buffer_ring_length(const struct io_uring_buf_ring *ring, unsigned mask, unsigned index) { return ring->bufs[index & mask].len; }
static inline uint16_t cl_buffer_ring_buffer(const struct io_uring_buf_ring *ring, unsigned mask, unsigned index) { return ring->bufs[index & mask].bid; }

/* Fields of an SQE that live in unions; the caller has cleared it. */
static inline void cl_sqe_clear(struct io_uring_sqe *sqe) { memset(sqe, 0, sizeof *sqe); }
static inline void cl_sqe_set_optional_length(struct io_uring_sqe *sqe, uint32_t length) { sqe->file_index = length; }
static inline void cl_sqe_set_file_index(struct io_uring_sqe *sqe, uint32_t slot) { sqe->file_index = slot + 1; }
static inline void cl_sqe_set_message_flags(struct io_uring_sqe *sqe, uint32_t flags) { sqe->msg_flags = flags; }
static inline void cl_sqe_set_buffer_group(struct io_uring_sqe *sqe, uint16_t group) { sqe->buf_group = group; }
static inline void cl_sqe_set_cancel_flags(struct io_uring_sqe *sqe, uint32_t flags) { sqe->cancel_flags = flags; }
static inline void cl_sqe_set_accept_flags(struct io_uring_sqe *sqe, uint32_t flags) { sqe->accept_flags = flags; }

/* accept4(2) without the address, and O_NONBLOCK: a GNU extension and a variadic function. */
enum { CL_SOCK_CLOEXEC = SOCK_CLOEXEC };
static inline int cl_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }
static inline int cl_set_nonblocking(int descriptor) { return fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

/* epoll(7): flags are an enum with a sign bit there, the event a packed structure. */
enum { CL_EPOLL_IN = 0x001, CL_EPOLL_PRI = 0x002, CL_EPOLL_OUT = 0x004, CL_EPOLL_ERR = 0x008, CL_EPOLL_HUP = 0x010, CL_EPOLL_RDHUP = 0x2000 };
static inline uint32_t cl_epoll_edge_triggered(void) { return (uint32_t)EPOLLET; }
static inline int cl_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int cl_epoll_add(int set, int descriptor, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event);
}
static inline int cl_epoll_change(int set, int descriptor, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, EPOLL_CTL_MOD, descriptor, &event);
}
static inline int cl_epoll_remove(int set, int descriptor) { return epoll_ctl(set, EPOLL_CTL_DEL, descriptor, NULL); }
/* epoll_pwait2 (Linux 5.11), by number because it is younger than some C libraries. NULL: no deadline. */
static inline int cl_epoll_wait_nanoseconds(int set, struct epoll_event *events, int count, const struct timespec *timeout)
{
    return (int)syscall(SYS_epoll_pwait2, set, events, count, timeout, NULL, 0);
}
static inline int cl_epoll_wait_milliseconds(int set, struct epoll_event *events, int count, int milliseconds)
{
    return epoll_wait(set, events, count, milliseconds);
}
/* A timer that is read when it has run out: timerfd_create(2). */
static inline int cl_timer_create(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); }
static inline int cl_timer_set(int timer, uint64_t nanoseconds)
{
    struct itimerspec time = {.it_value = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)}};
    return timerfd_settime(timer, 0, &time, NULL);
}

static inline int cl_descriptor_flags(int descriptor) { return fcntl(descriptor, F_GETFL); }
static inline int cl_set_descriptor_flags(int descriptor, int flags) { return fcntl(descriptor, F_SETFL, flags); }

/* Memory that nobody of ours may touch for now: the kernel's, or a slice of receive memory after its turn. Only a
 * build with AddressSanitizer notices; the importer of this file does not see -sanitize, so `make sanitize` says it. */
#ifdef GORI_ADDRESS_SANITIZER
void __asan_poison_memory_region(void const volatile *address, size_t size);
void __asan_unpoison_memory_region(void const volatile *address, size_t size);
static inline void cl_hide(const void *memory, ssize_t size) { __asan_poison_memory_region(memory, (size_t)size); }
static inline void cl_show(const void *memory, ssize_t size) { __asan_unpoison_memory_region(memory, (size_t)size); }
#else
static inline void cl_hide(const void *memory, ssize_t size) { (void)memory, (void)size; }
static inline void cl_show(const void *memory, ssize_t size) { (void)memory, (void)size; }
#endif

/* Has the processor fetch a cache line that will be read and written soon. Any address will do: nothing is read. */
static inline void cl_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

/* Threads. */
static inline int cl_thread_id(void) { return (int)syscall(__NR_gettid); }
static inline int cl_set_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }
static inline int cl_pin_this_thread(unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set);
}

/* A counter of the processor that runs at a constant rate; always 0 where there is none. Not ordered with what stands
 * around it: good for times of which some nanoseconds do not matter. */
static inline uint64_t cl_cycle_count(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#else
    return 0;
#endif
}

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t cl_monotonic_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
