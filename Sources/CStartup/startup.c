#define _GNU_SOURCE
#include "cstartup.h"

#if defined(__x86_64__) && defined(__linux__)
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

char *openblas_get_corename(void);

/* The arguments that the program was started with, as the kernel keeps them; null where they cannot be read. */
static char **arguments(void) {
    size_t capacity = 1 << 16, length = 0;
    char *text = malloc(capacity);
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (!text || file < 0) return NULL;
    for (;;) {
        ssize_t count = read(file, text + length, capacity - length - 1);
        if (count < 0) return NULL;
        if (count == 0) break;
        length += (size_t)count;
        if (length + 1 == capacity && !(text = realloc(text, capacity *= 2))) return NULL;
    }
    close(file);
    size_t parts = 0;
    for (size_t i = 0; i < length; i++) parts += text[i] == 0;
    char **list = calloc(parts + 1, sizeof *list);
    if (!list || parts == 0) return NULL;
    for (size_t part = 0, i = 0; part < parts; part++, i += strlen(text + i) + 1) list[part] = text + i;
    return list;
}

void startup_prefer_wide_kernels(void) {
    if (getenv("OPENBLAS_CORETYPE")) return;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512bw")
        || !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return;
    const char *core = openblas_get_corename();
    if (strcasecmp(core, "Haswell") != 0 && strcasecmp(core, "Zen") != 0) return;
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char **list = arguments();
    if (length <= 0 || !list || setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 1) != 0) return;
    program[length] = 0;
    execv(program, list);
    unsetenv("OPENBLAS_CORETYPE");
}
#else
void startup_prefer_wide_kernels(void) {}
#endif
