/* Counts the bytes that are allocated, in all threads: by the hooks of the address sanitizer where it is linked in, else by
   replacing glibc's allocator and calling it. */
#include "heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>

static atomic_long bytes, base, peak;

void heap_begin(void) {
    long now = atomic_load(&bytes);
    atomic_store(&base, now);
    atomic_store(&peak, now);
}

size_t heap_growth(void) { return (size_t)(atomic_load(&peak) - atomic_load(&base)); }

static void grow(long size) {
    long now = atomic_fetch_add_explicit(&bytes, size, memory_order_relaxed) + size;
    long known = atomic_load_explicit(&peak, memory_order_relaxed);
    while (now > known && !atomic_compare_exchange_weak(&peak, &known, now)) {
    }
}

static void shrink(long size) { atomic_fetch_sub_explicit(&bytes, size, memory_order_relaxed); }

#if __has_feature(address_sanitizer)

extern int __sanitizer_install_malloc_and_free_hooks(
    void (*)(const volatile void *, size_t), void (*)(const volatile void *));
extern size_t __sanitizer_get_allocated_size(const volatile void *);

static void allocated(const volatile void *block, size_t size) {
    (void)block;
    grow((long)size);
}

static void freed(const volatile void *block) {
    if (block) shrink((long)__sanitizer_get_allocated_size(block));
}

__attribute__((constructor)) static void install(void) {
    __sanitizer_install_malloc_and_free_hooks(allocated, freed);
}

#else

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static void *counted(void *block) {
    if (block) grow((long)malloc_usable_size(block));
    return block;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }

void *calloc(size_t elements, size_t size) { return counted(__libc_calloc(elements, size)); }

void *realloc(void *block, size_t size) {
    long before = block ? (long)malloc_usable_size(block) : 0;
    void *moved = __libc_realloc(block, size);
    if (moved || !size) shrink(before);
    return counted(moved);
}

void free(void *block) {
    if (block) shrink((long)malloc_usable_size(block));
    __libc_free(block);
}

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    void *made = memalign(alignment, size);
    if (!made) return ENOMEM;
    *block = made;
    return 0;
}

#endif
