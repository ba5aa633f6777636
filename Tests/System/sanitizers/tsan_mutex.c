/* Tells the thread sanitizer when the slow paths of Swift's Mutex acquire and release the lock. The fast paths are inlined
   into the program and instrumented. The slow ones, taken under contention, are in a library without instrumentation and
   use the kernel, so the sanitizer sees no synchronization and reports everything that the lock protects as a race. To be
   preloaded:
     clang -shared -fPIC -O1 -o tsan_mutex.so tsan_mutex.c */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Of the sanitizer's runtime; absent in programs that are not instrumented. */
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

/* Methods of Synchronization._MutexHandle, whose first member is the lock's word. */
#define HANDLE __attribute__((swift_context)) void *handle
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

__attribute__((swiftcall)) void lock_slow(uint32_t thread, HANDLE) __asm__(LOCK);
__attribute__((swiftcall)) void unlock_slow(HANDLE) __asm__(UNLOCK);
__attribute__((swiftcall)) bool try_lock_slow(HANDLE) __asm__(TRY_LOCK);

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((swiftcall)) void lock_slow(uint32_t thread, HANDLE) {
    ((__attribute__((swiftcall)) void (*)(uint32_t, HANDLE))next(LOCK))(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

__attribute__((swiftcall)) void unlock_slow(HANDLE) {
    if (__tsan_release) __tsan_release(handle);
    ((__attribute__((swiftcall)) void (*)(HANDLE))next(UNLOCK))(handle);
}

__attribute__((swiftcall)) bool try_lock_slow(HANDLE) {
    bool locked = ((__attribute__((swiftcall)) bool (*)(HANDLE))next(TRY_LOCK))(handle);
    if (locked && __tsan_acquire) __tsan_acquire(handle);
    return locked;
}
