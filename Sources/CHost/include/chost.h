/* What the program needs of Linux and of the processor, and Swift's Glibc module does not offer. */
#pragma once
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Sets the calling thread's time slice, sched_setattr(2). Since Linux 6.12 a thread with a shorter slice is scheduled
   sooner after it wakes, without a larger share of the processor; earlier kernels ignore it. Returns 0, or -1 where it is
   not allowed. */
int host_set_time_slice(uint64_t nanoseconds);

/* The number of processors in the process's affinity mask, sched_getaffinity(2), as taskset(1) or a container sets it;
   0 if the mask does not fit a cpu_set_t. */
int host_permitted_processors(void);

/* Settings of malloc for a process that runs for months, mallopt(3): at most `arenas` arenas (glibc's default is up to
   eight a processor, and memory that is free in one arena cannot be used by another), and allocations of 1 MiB and more
   are returned to the system when they are freed (by default that threshold grows with the largest one seen). */
void host_limit_heap(int arenas);

/* accept4(2) of a descriptor that does not block and is closed on exec. `address` is a sockaddr, whose declaration here
   would make this module the one that Swift imports it from. */
int host_accept(int descriptor, void *address, unsigned *size);

/* Nanoseconds since the machine was booted, sleep included, clock_gettime(CLOCK_BOOTTIME). */
int64_t host_uptime_nanoseconds(void);

/* Vector instructions of x86-64. HOST_AVX512 stands for the subsets F, CD, BW, DQ and VL together, HOST_AVX512_BF16 for
   BF16 and VNNI. */
enum { HOST_AVX = 1, HOST_AVX2_FMA = 2, HOST_AVX512 = 4, HOST_AVX512_BF16 = 8 };
/* Those of them that processor (CPUID) and operating system (XGETBV) both support, added up. 0 on other architectures. */
unsigned host_processor_features(void);
