/* System calls that Swift's Glibc does not show. */
#pragma once
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Asks the scheduler for turns of `nanoseconds` for the calling thread, sched_setattr(2). Since Linux 6.12 a thread with
   shorter turns gets them sooner, and no more of them in all; earlier kernels do not look at it. Returns 0, or -1 where
   it is not allowed. */
int linux_set_time_slice(uint64_t nanoseconds);

/* The processors that the process is not kept from by taskset(1) or a container; 0 where there are more than fit a
   cpu_set_t. */
int linux_permitted_processors(void);

/* For a process that runs for months, mallopt(3): at most `arenas` parts of the heap. Every thread would take one for its
   own, up to eight a processor, and what is free in one is of no use to the others. Blocks of a megabyte and more go back
   to the system when they are let go; the C library would raise that limit to the largest one seen. */
void linux_keep_heap_together(int arenas);

/* Nanoseconds since the machine was started, clock_gettime(2). */
int64_t linux_uptime_nanoseconds(void);
