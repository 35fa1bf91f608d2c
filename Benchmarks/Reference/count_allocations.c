/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts every heap allocation of a process, all threads, in a file that others can read while it runs:
 *
 *   GORI_ALLOCATIONS=/tmp/count LD_PRELOAD=./count_allocations.so gori echo ...
 *
 * The file is one little-endian u64, mapped; Benchmarks/allocations.py reads it before and after a load.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static uint64_t before_mapping;
static uint64_t *count = &before_mapping;

__attribute__((constructor)) static void map(void)
{
    const char *path = getenv("GORI_ALLOCATIONS");
    int file = path ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof *count) != 0)
        return;
    void *memory = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED)
        count = memory;
    close(file);
}

static void tick(void) { __atomic_fetch_add(count, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) { tick(); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { tick(); return __libc_calloc(number, size); }
void *realloc(void *old, size_t size) { tick(); return __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { tick(); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { tick(); return __libc_memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size)
{
    tick();
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : 12;
}
