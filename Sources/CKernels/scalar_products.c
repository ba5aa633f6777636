#include "ckernels.h"
#include "vectors.h"

#include <string.h>

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
        for (int r = 0; r < rows; r++)                                                                                 \
            for (int c = 0; c < columns; c++) {                                                                        \
                float terms[lanes];                                                                                    \
                memcpy(terms, &sum[r][c], sizeof terms);                                                               \
                UNROLL for (int width = lanes / 2; width > 0; width /= 2)                                              \
                    UNROLL for (int l = 0; l < width; l++) terms[l] += terms[l + width];                               \
                float total = terms[0];                                                                                \
                for (size_t rest = k; rest < depth; rest++)                                                            \
                    total += x[(size_t)r * x_step + rest] * z[(size_t)c * z_step + rest];                              \
                float *to = y + (size_t)r * y_step + c;                                                                \
                *to = accumulating ? *to + total : total;                                                              \
            }                                                                                                          \
    }

typedef void dots(const float *x, size_t x_step, const float *z, size_t z_step, size_t depth, float *y, size_t y_step,
                  int accumulating);

/* Tiles of side x side, 1 x side, side x 1 and 1 x 1 scalar products. */
struct dot_tiles {
    size_t side;
    dots *full, *row, *column, *one;
};

#if defined(__x86_64__)
DOTS(wide_dots, WIDE, vector16, 16, 4, 4)
DOTS(wide_dots, WIDE, vector16, 16, 1, 4)
DOTS(wide_dots, WIDE, vector16, 16, 4, 1)
DOTS(wide_dots, WIDE, vector16, 16, 1, 1)
DOTS(middle_dots, MIDDLE, vector8, 8, 3, 3)
DOTS(middle_dots, MIDDLE, vector8, 8, 1, 3)
DOTS(middle_dots, MIDDLE, vector8, 8, 3, 1)
DOTS(middle_dots, MIDDLE, vector8, 8, 1, 1)
#endif
DOTS(plain_dots, PLAIN, vector4, 4, 3, 3)
DOTS(plain_dots, PLAIN, vector4, 4, 1, 3)
DOTS(plain_dots, PLAIN, vector4, 4, 3, 1)
DOTS(plain_dots, PLAIN, vector4, 4, 1, 1)

static struct dot_tiles dot_tiles_for(int instructions) {
#if defined(__x86_64__)
    if (instructions == CK_WIDE) return (struct dot_tiles){4, wide_dots_4x4, wide_dots_1x4, wide_dots_4x1, wide_dots_1x1};
    if (instructions == CK_MIDDLE)
        return (struct dot_tiles){3, middle_dots_3x3, middle_dots_1x3, middle_dots_3x1, middle_dots_1x1};
#endif
    return (struct dot_tiles){3, plain_dots_3x3, plain_dots_1x3, plain_dots_3x1, plain_dots_1x1};
}

void ck_multiply_rows(const float *x, size_t x_step, size_t rows, const float *z, size_t z_step, size_t columns,
                      size_t depth, float *y, size_t y_step, int accumulating, int instructions) {
    const struct dot_tiles tiles = dot_tiles_for(instructions);
    for (size_t row = 0; row < rows;) {
        size_t height = rows - row >= tiles.side ? tiles.side : 1;
        for (size_t column = 0; column < columns;) {
            size_t width = columns - column >= tiles.side ? tiles.side : 1;
            dots *tile = height > 1 ? (width > 1 ? tiles.full : tiles.column) : (width > 1 ? tiles.row : tiles.one);
            tile(x + row * x_step, x_step, z + column * z_step, z_step, depth, y + row * y_step + column, y_step,
                 accumulating);
            column += width;
        }
        row += height;
    }
}
