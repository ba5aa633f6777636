#include "ckernels.h"

int ck_best_instructions(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq"))
        return CK_WIDE;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_MIDDLE;
#endif
    return CK_PLAIN;
}
