#include "ckernels.h"

#include <string.h>

/* Products with a matrix that was packed before: y = x W^T (+ bias) (+ y), W packed into panels of CK_PANEL outputs.

   Every element of y is one chain of fused multiply-adds over the inputs in order, in any tile and at any edge. So a
   row's result depends neither on the rows beside it nor on how rows are shared among threads. */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL
#endif
#define PANEL CK_PANEL

/* A tile of `rows` x (vectors * lanes) outputs held in registers. x's rows lie x_step floats apart; the panel's, PANEL. */
#define TILE(name, target, vector, lanes, vectors, rows)                                                               \
    target static void name##_##rows(const float *x, size_t x_step, const float *panel, size_t depth, float *y,        \
                                     size_t y_step, const float *bias, int accumulating) {                             \
        vector sum[rows][vectors];                                                                                     \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = (vector){0};        \
        for (size_t k = 0; k < depth; k++) {                                                                           \
            vector w[vectors];                                                                                         \
            UNROLL for (int v = 0; v < vectors; v++) memcpy(&w[v], panel + k * PANEL + v * lanes, sizeof(vector));     \
            UNROLL for (int r = 0; r < rows; r++) {                                                                    \
                float s = x[(size_t)r * x_step + k];                                                                   \
                UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += s * w[v];                                        \
            }                                                                                                          \
        }                                                                                                              \
        vector b[vectors];                                                                                             \
        UNROLL for (int v = 0; v < vectors; v++) memcpy(&b[v], bias + v * lanes, sizeof(vector));                      \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) {                               \
            float *to = y + (size_t)r * y_step + v * lanes;                                                            \
            vector z = sum[r][v] + b[v];                                                                               \
            if (accumulating) {                                                                                        \
                vector old;                                                                                            \
                memcpy(&old, to, sizeof old);                                                                          \
                z = old + z;                                                                                           \
            }                                                                                                          \
            memcpy(to, &z, sizeof z);                                                                                  \
        }                                                                                                              \
    }

typedef void tile(const float *x, size_t x_step, const float *panel, size_t depth, float *y, size_t y_step,
                  const float *bias, int accumulating);

/* Tiles by their number of rows, and the columns that one covers. */
struct tiles {
    size_t rows, columns;
    tile *const *by_rows;
};

#if defined(__x86_64__)
typedef float vector16 __attribute__((vector_size(64)));
typedef float vector8 __attribute__((vector_size(32)));
#define WIDE __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define MIDDLE __attribute__((target("avx2,fma")))
#define WIDE_TILE(rows) TILE(wide, WIDE, vector16, 16, 2, rows)
WIDE_TILE(1) WIDE_TILE(2) WIDE_TILE(3) WIDE_TILE(4) WIDE_TILE(5) WIDE_TILE(6) WIDE_TILE(7)
WIDE_TILE(8) WIDE_TILE(9) WIDE_TILE(10) WIDE_TILE(11) WIDE_TILE(12) WIDE_TILE(13) WIDE_TILE(14)
static tile *const wide_rows[] = {0,      wide_1, wide_2, wide_3,  wide_4,  wide_5,  wide_6, wide_7,
                                  wide_8, wide_9, wide_10, wide_11, wide_12, wide_13, wide_14};
#define MIDDLE_TILE(rows) TILE(middle, MIDDLE, vector8, 8, 2, rows)
MIDDLE_TILE(1) MIDDLE_TILE(2) MIDDLE_TILE(3) MIDDLE_TILE(4) MIDDLE_TILE(5) MIDDLE_TILE(6)
static tile *const middle_rows[] = {0, middle_1, middle_2, middle_3, middle_4, middle_5, middle_6};
#endif
typedef float vector4 __attribute__((vector_size(16)));
#define PLAIN
#define PLAIN_TILE(rows) TILE(plain, PLAIN, vector4, 4, 4, rows)
PLAIN_TILE(1) PLAIN_TILE(2) PLAIN_TILE(3) PLAIN_TILE(4)
static tile *const plain_rows[] = {0, plain_1, plain_2, plain_3, plain_4};

int ck_best_instructions(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq"))
        return CK_WIDE;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CK_MIDDLE;
#endif
    return CK_PLAIN;
}

static struct tiles tiles_for(int instructions) {
#if defined(__x86_64__)
    if (instructions == CK_WIDE) return (struct tiles){14, 32, wide_rows};
    if (instructions == CK_MIDDLE) return (struct tiles){6, 16, middle_rows};
#endif
    return (struct tiles){4, 16, plain_rows};
}

size_t ck_packed_count(size_t outputs, size_t inputs) { return (outputs + PANEL - 1) / PANEL * PANEL * (inputs + 1); }

void ck_pack(const float *weight, size_t step, const float *bias, size_t outputs, size_t inputs, float *packed) {
    for (size_t first = 0; first < outputs; first += PANEL) {
        size_t width = outputs - first < PANEL ? outputs - first : PANEL;
        for (size_t column = 0; column < PANEL; column++) packed[column] = column < width && bias ? bias[first + column] : 0;
        packed += PANEL;
        for (size_t k = 0; k < inputs; k++, packed += PANEL)
            for (size_t column = 0; column < PANEL; column++)
                packed[column] = column < width ? weight[(first + column) * step + k] : 0;
    }
}

void ck_multiply_packed(const float *x, size_t x_step, size_t rows, const float *packed, size_t outputs, size_t inputs,
                        float *y, size_t y_step, int accumulating, int instructions) {
    const struct tiles tiles = tiles_for(instructions);
    float edge[14 * PANEL];
    for (size_t first = 0; first < outputs; first += PANEL, packed += PANEL * (inputs + 1)) {
        for (size_t column = 0; column < PANEL && first + column < outputs; column += tiles.columns) {
            size_t left = outputs - first - column;
            const float *bias = packed + column, *panel = packed + PANEL + column;
            for (size_t row = 0; row < rows; row += tiles.rows) {
                size_t height = rows - row < tiles.rows ? rows - row : tiles.rows;
                const float *from = x + row * x_step;
                float *to = y + row * y_step + first + column;
                if (left >= tiles.columns) {
                    tiles.by_rows[height](from, x_step, panel, inputs, to, y_step, bias, accumulating);
                    continue;
                }
                tiles.by_rows[height](from, x_step, panel, inputs, edge, PANEL, bias, 0);
                for (size_t r = 0; r < height; r++)
                    for (size_t c = 0; c < left; c++)
                        to[r * y_step + c] = accumulating ? to[r * y_step + c] + edge[r * PANEL + c] : edge[r * PANEL + c];
            }
        }
    }
}
