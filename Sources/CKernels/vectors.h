/* Vector types, and attributes of functions that are compiled for instructions which not every processor has: such a
   function may be called only where ck_best_instructions allows. */
#ifndef VECTORS_H
#define VECTORS_H

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL
#endif

#if defined(__x86_64__)
typedef float vector16 __attribute__((vector_size(64)));
typedef float vector8 __attribute__((vector_size(32)));
#define WIDE __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define MIDDLE __attribute__((target("avx2,fma")))
#endif
typedef float vector4 __attribute__((vector_size(16)));
#define PLAIN

#endif
