#include "ckernels.h"
#include "vectors.h"

#include <string.h>

/* Add up the lanes of each vector: the upper half to the lower one until one lane is left. Four vectors of 16 lanes are
   added up together: after each step a vector has the partial sums of twice as many of them. */
#define SHUFFLED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
static inline __attribute__((always_inline)) float add_4(vector4 v) {
    vector4 pairs = v + SHUFFLED(v, v, 2, 3, 2, 3);
    return pairs[0] + pairs[1];
}

static inline __attribute__((always_inline)) void add_lanes_4(const vector4 *v, int count, float *totals) {
    UNROLL for (int i = 0; i < count; i++) totals[i] = add_4(v[i]);
}

#if defined(__x86_64__)
MIDDLE static inline __attribute__((always_inline)) float add_8(vector8 v) {
    return add_4(SHUFFLED(v, v, 0, 1, 2, 3) + SHUFFLED(v, v, 4, 5, 6, 7));
}

MIDDLE static inline __attribute__((always_inline)) void add_lanes_8(const vector8 *v, int count, float *totals) {
    UNROLL for (int i = 0; i < count; i++) totals[i] = add_8(v[i]);
}

WIDE static inline __attribute__((always_inline)) void add_lanes_16(const vector16 *v, int count, float *totals) {
    if (count == 4) {
        vector16 a = SHUFFLED(v[0], v[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                     SHUFFLED(v[0], v[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        vector16 b = SHUFFLED(v[2], v[3], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                     SHUFFLED(v[2], v[3], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        vector16 c = SHUFFLED(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                     SHUFFLED(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        vector8 d = SHUFFLED(c, c, 0, 1, 4, 5, 8, 9, 12, 13) + SHUFFLED(c, c, 2, 3, 6, 7, 10, 11, 14, 15);
        vector4 e = SHUFFLED(d, d, 0, 2, 4, 6) + SHUFFLED(d, d, 1, 3, 5, 7);
        memcpy(totals, &e, sizeof e);
        return;
    }
    UNROLL for (int i = 0; i < count; i++)
        totals[i] = add_8(SHUFFLED(v[i], v[i], 0, 1, 2, 3, 4, 5, 6, 7) + SHUFFLED(v[i], v[i], 8, 9, 10, 11, 12, 13, 14, 15));
}
#endif

/* Defines a function that computes a tile of scalar products of rows of x with rows of z, all contiguous. Lane l of a
   vector adds up the terms k = l, l + lanes, ...; then lanes are added up pairwise, then the terms that fill no vector.
   The order is the same in every tile. */
#define DOTS(name, target, vector, lanes, rows, columns)                                                               \
    target static void name##_##rows##x##columns(const float *x, size_t x_step, const float *z, size_t z_step,         \
                                                 size_t depth, float *y, size_t y_step, int accumulating) {            \
        vector sum[rows][columns];                                                                                     \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) sum[r][c] = (vector){0};        \
        size_t k = 0;                                                                                                  \
        for (; k + lanes <= depth; k += lanes) {                                                                       \
            vector b[columns];                                                                                         \
            UNROLL for (int c = 0; c < columns; c++) memcpy(&b[c], z + (size_t)c * z_step + k, sizeof(vector));        \
            UNROLL for (int r = 0; r < rows; r++) {                                                                    \
                vector a;                                                                                              \
                memcpy(&a, x + (size_t)r * x_step + k, sizeof a);                                                      \
                UNROLL for (int c = 0; c < columns; c++) sum[r][c] += a * b[c];                                        \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int r = 0; r < rows; r++) {                                                                        \
            float totals[columns];                                                                                     \
            add_lanes_##lanes(sum[r], columns, totals);                                                                \
            UNROLL for (int c = 0; c < columns; c++) {                                                                 \
                float total = totals[c];                                                                               \
                for (size_t rest = k; rest < depth; rest++)                                                            \
                    total += x[(size_t)r * x_step + rest] * z[(size_t)c * z_step + rest];                              \
                float *to = y + (size_t)r * y_step + c;                                                                \
                *to = accumulating ? *to + total : total;                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }

typedef void dots(const float *x, size_t x_step, const float *z, size_t z_step, size_t depth, float *y, size_t y_step,
                  int accumulating);

/* The most rows and columns of a tile, and tile functions by rows - 1 and columns - 1. */
struct dot_tiles {
    size_t side;
    dots *const (*functions)[4];
};

#define DOTS_3(name, target, vector, lanes)                                                                            \
    DOTS(name, target, vector, lanes, 1, 1) DOTS(name, target, vector, lanes, 1, 2)                                    \
    DOTS(name, target, vector, lanes, 1, 3) DOTS(name, target, vector, lanes, 2, 1)                                    \
    DOTS(name, target, vector, lanes, 2, 2) DOTS(name, target, vector, lanes, 2, 3)                                    \
    DOTS(name, target, vector, lanes, 3, 1) DOTS(name, target, vector, lanes, 3, 2)                                    \
    DOTS(name, target, vector, lanes, 3, 3)
#define TABLE_3(name)                                                                                                  \
    {                                                                                                                  \
        {name##_1x1, name##_1x2, name##_1x3}, {name##_2x1, name##_2x2, name##_2x3},                                    \
        {name##_3x1, name##_3x2, name##_3x3}                                                                           \
    }

#if defined(__x86_64__)
DOTS_3(wide_dots, WIDE, vector16, 16)
DOTS(wide_dots, WIDE, vector16, 16, 1, 4)
DOTS(wide_dots, WIDE, vector16, 16, 2, 4)
DOTS(wide_dots, WIDE, vector16, 16, 3, 4)
DOTS(wide_dots, WIDE, vector16, 16, 4, 1)
DOTS(wide_dots, WIDE, vector16, 16, 4, 2)
DOTS(wide_dots, WIDE, vector16, 16, 4, 3)
DOTS(wide_dots, WIDE, vector16, 16, 4, 4)
static dots *const wide_table[4][4] = {
    {wide_dots_1x1, wide_dots_1x2, wide_dots_1x3, wide_dots_1x4},
    {wide_dots_2x1, wide_dots_2x2, wide_dots_2x3, wide_dots_2x4},
    {wide_dots_3x1, wide_dots_3x2, wide_dots_3x3, wide_dots_3x4},
    {wide_dots_4x1, wide_dots_4x2, wide_dots_4x3, wide_dots_4x4},
};
DOTS_3(middle_dots, MIDDLE, vector8, 8)
static dots *const middle_table[4][4] = TABLE_3(middle_dots);
#endif
DOTS_3(plain_dots, PLAIN, vector4, 4)
static dots *const plain_table[4][4] = TABLE_3(plain_dots);

static struct dot_tiles dot_tiles_for(int instructions) {
#if defined(__x86_64__)
    if (instructions == CK_WIDE) return (struct dot_tiles){4, wide_table};
    if (instructions == CK_MIDDLE) return (struct dot_tiles){3, middle_table};
#endif
    return (struct dot_tiles){3, plain_table};
}

void ck_multiply_rows(const float *x, size_t x_step, size_t rows, const float *z, size_t z_step, size_t columns,
                      size_t depth, float *y, size_t y_step, int accumulating, int instructions) {
    const struct dot_tiles tiles = dot_tiles_for(instructions);
    for (size_t row = 0; row < rows; row += tiles.side) {
        size_t height = rows - row < tiles.side ? rows - row : tiles.side;
        for (size_t column = 0; column < columns; column += tiles.side) {
            size_t width = columns - column < tiles.side ? columns - column : tiles.side;
            tiles.functions[height - 1][width - 1](x + row * x_step, x_step, z + column * z_step, z_step, depth,
                                                   y + row * y_step + column, y_step, accumulating);
        }
    }
}
