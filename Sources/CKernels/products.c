#include "ckernels.h"
#include "vectors.h"

#include <string.h>

/* Matrix products: y = x z (+ bias) (+ y). z is read in panels of a few columns, in place or from a packed copy.

   Every element of y is computed by the same sequence of fused multiply-adds, in order of k and divided at the same k,
   in whichever tile it is. So the bits of a row depend neither on other rows nor on how rows are shared among
   threads. */

#define PANEL CK_PANEL

/* Defines a function that computes a tile of `rows` x (vectors * lanes) elements of y in registers. Element (r, k) of x
   is x[at(r, k)], row k of the panel begins at panel[k * panel_step]. Where there is a base, y = base + the product; base
   may be y. */
#define TILE(name, target, vector, lanes, vectors, rows, at)                                                           \
    target static void name##_##rows(const float *x, size_t x_step, const float *panel, size_t panel_step, size_t depth,\
                                     float *y, size_t y_step, const float *bias, const float *base, size_t base_step) {\
        vector sum[rows][vectors];                                                                                     \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = (vector){0};        \
        for (size_t k = 0; k < depth; k++) {                                                                           \
            vector w[vectors];                                                                                         \
            UNROLL for (int v = 0; v < vectors; v++) memcpy(&w[v], panel + k * panel_step + v * lanes, sizeof(vector));\
            __builtin_prefetch(panel + k * panel_step + vectors * lanes);                                              \
            __builtin_prefetch(panel + k * panel_step + vectors * lanes + 16);                                         \
            UNROLL for (int r = 0; r < rows; r++) {                                                                    \
                float s = x[at((size_t)r, k)];                                                                         \
                UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += s * w[v];                                        \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int v = 0; v < vectors; v++) {                                                                     \
            vector b = {0};                                                                                            \
            if (bias) memcpy(&b, bias + v * lanes, sizeof b);                                                          \
            UNROLL for (int r = 0; r < rows; r++) sum[r][v] = sum[r][v] + b;                                           \
        }                                                                                                              \
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) {                               \
            float *to = y + (size_t)r * y_step + v * lanes;                                                            \
            if (base) {                                                                                                \
                vector old;                                                                                            \
                memcpy(&old, base + (size_t)r * base_step + v * lanes, sizeof old);                                    \
                sum[r][v] = old + sum[r][v];                                                                           \
            }                                                                                                          \
            memcpy(to, &sum[r][v], sizeof sum[r][v]);                                                                  \
        }                                                                                                              \
    }
#define ACROSS(r, k) ((r) * x_step + (k))
#define DOWN(r, k) ((k) * x_step + (r))

typedef void tile(const float *x, size_t x_step, const float *panel, size_t panel_step, size_t depth, float *y,
                  size_t y_step, const float *bias, const float *base, size_t base_step);

/* The most rows and the columns of a tile, and tile functions by number of rows: `across` for x, `down` for x
   transposed. */
struct tiles {
    size_t rows, columns;
    tile *const *across, *const *down;
};

#if defined(__x86_64__)
#define WIDE_TILE(rows)                                                                                                \
    TILE(wide_across, WIDE, vector16, 16, 2, rows, ACROSS) TILE(wide_down, WIDE, vector16, 16, 2, rows, DOWN)
WIDE_TILE(1) WIDE_TILE(2) WIDE_TILE(3) WIDE_TILE(4) WIDE_TILE(5) WIDE_TILE(6) WIDE_TILE(7)
WIDE_TILE(8) WIDE_TILE(9) WIDE_TILE(10) WIDE_TILE(11) WIDE_TILE(12) WIDE_TILE(13) WIDE_TILE(14)
#define WIDE_TILES(name)                                                                                               \
    {0,      name##_1, name##_2, name##_3,  name##_4,  name##_5,  name##_6, name##_7,                                  \
     name##_8, name##_9, name##_10, name##_11, name##_12, name##_13, name##_14}
static tile *const wide_across[] = WIDE_TILES(wide_across), *const wide_down[] = WIDE_TILES(wide_down);
#define MIDDLE_TILE(rows)                                                                                              \
    TILE(middle_across, MIDDLE, vector8, 8, 2, rows, ACROSS) TILE(middle_down, MIDDLE, vector8, 8, 2, rows, DOWN)
MIDDLE_TILE(1) MIDDLE_TILE(2) MIDDLE_TILE(3) MIDDLE_TILE(4) MIDDLE_TILE(5) MIDDLE_TILE(6)
#define MIDDLE_TILES(name) {0, name##_1, name##_2, name##_3, name##_4, name##_5, name##_6}
static tile *const middle_across[] = MIDDLE_TILES(middle_across), *const middle_down[] = MIDDLE_TILES(middle_down);
#endif
#define PLAIN_TILE(rows)                                                                                               \
    TILE(plain_across, PLAIN, vector4, 4, 4, rows, ACROSS) TILE(plain_down, PLAIN, vector4, 4, 4, rows, DOWN)
PLAIN_TILE(1) PLAIN_TILE(2) PLAIN_TILE(3) PLAIN_TILE(4)
#define PLAIN_TILES(name) {0, name##_1, name##_2, name##_3, name##_4}
static tile *const plain_across[] = PLAIN_TILES(plain_across), *const plain_down[] = PLAIN_TILES(plain_down);

static struct tiles tiles_for(int instructions) {
#if defined(__x86_64__)
    if (instructions == CK_WIDE) return (struct tiles){14, 32, wide_across, wide_down};
    if (instructions == CK_MIDDLE) return (struct tiles){6, 16, middle_across, middle_down};
#endif
    return (struct tiles){4, 16, plain_across, plain_down};
}

size_t ck_packed_count(size_t outputs, size_t inputs) { return (outputs + PANEL - 1) / PANEL * PANEL * (inputs + 1); }

/* panel[k * PANEL + c] = z[c * z_step + k] for c < width, 0 for further columns up to PANEL; k < count. */
static void transpose_panel(const float *z, size_t z_step, size_t width, size_t count, float *panel) {
    size_t whole = count / 4 * 4;
    for (size_t c = 0; c < PANEL; c += 4) {
        if (c + 4 > width) {
            for (size_t k = 0; k < count; k++)
                for (size_t i = c; i < c + 4; i++) panel[k * PANEL + i] = i < width ? z[i * z_step + k] : 0.0f;
            continue;
        }
        const float *from = z + c * z_step;
        for (size_t k = 0; k < whole; k += 4) {
            vector4 r[4], t[4];
            UNROLL for (int i = 0; i < 4; i++) memcpy(&r[i], from + (size_t)i * z_step + k, sizeof r[i]);
            t[0] = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
            t[1] = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
            t[2] = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
            t[3] = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
            r[0] = __builtin_shufflevector(t[0], t[1], 0, 1, 4, 5);
            r[1] = __builtin_shufflevector(t[0], t[1], 2, 3, 6, 7);
            r[2] = __builtin_shufflevector(t[2], t[3], 0, 1, 4, 5);
            r[3] = __builtin_shufflevector(t[2], t[3], 2, 3, 6, 7);
            UNROLL for (int i = 0; i < 4; i++) memcpy(panel + (k + (size_t)i) * PANEL + c, &r[i], sizeof r[i]);
        }
        for (size_t k = whole; k < count; k++)
            for (size_t i = 0; i < 4; i++) panel[k * PANEL + c + i] = from[i * z_step + k];
    }
}

void ck_pack(const float *weight, size_t step, const float *bias, size_t outputs, size_t inputs, float *packed) {
    for (size_t first = 0; first < outputs; first += PANEL, packed += PANEL * (inputs + 1)) {
        size_t width = outputs - first < PANEL ? outputs - first : PANEL;
        for (size_t column = 0; column < PANEL; column++) packed[column] = column < width && bias ? bias[first + column] : 0;
        transpose_panel(weight + first * step, step, width, inputs, packed + PANEL);
    }
}

/* Computes one column of tiles: all rows of y, and `width` columns or as many as a tile has. Where `width` is less than
   a tile's columns, tiles are computed in a buffer and `width` columns of them copied. The rows are shared out evenly
   among as few tiles as there can be. */
static void multiply_column(struct tiles tiles, tile *const *by_rows, const float *x, size_t x_step, int transposed,
                            size_t rows, const float *panel, size_t panel_step, size_t depth, float *y, size_t y_step,
                            size_t width, const float *bias, const float *base, size_t base_step) {
    float edge[14 * PANEL];
    size_t count = (rows + tiles.rows - 1) / tiles.rows;
    for (size_t row = 0, left = count; left > 0; left--) {
        size_t height = (rows - row + left - 1) / left;
        const float *from = x + row * (transposed ? 1 : x_step);
        float *to = y + row * y_step;
        const float *old = base ? base + row * base_step : 0;
        row += height;
        if (width >= tiles.columns) {
            by_rows[height](from, x_step, panel, panel_step, depth, to, y_step, bias, old, base_step);
            continue;
        }
        by_rows[height](from, x_step, panel, panel_step, depth, edge, PANEL, bias, 0, 0);
        for (size_t r = 0; r < height; r++)
            for (size_t c = 0; c < width; c++)
                to[r * y_step + c] = old ? old[r * base_step + c] + edge[r * PANEL + c] : edge[r * PANEL + c];
    }
}

/* Rows of x that are mapped before the next panel of a small map is read: 8 tiles of 14 (AVX-512), 19 of 6 (AVX2), 28 of
   4 (plain). They stay in the first- or second-level cache then. */
enum { ROWS = 112, SMALL = 16384 };

void ck_multiply_packed(const float *x, size_t x_step, size_t rows, const float *packed, size_t outputs, size_t inputs,
                        float *y, size_t y_step, const float *base, size_t base_step, int instructions) {
    const struct tiles tiles = tiles_for(instructions);
    size_t block = ck_packed_count(outputs, inputs) <= SMALL ? ROWS : rows;
    for (size_t row = 0; row < rows; row += block) {
        size_t height = rows - row < block ? rows - row : block;
        const float *panel = packed;
        for (size_t first = 0; first < outputs; first += PANEL, panel += PANEL * (inputs + 1))
            for (size_t column = 0; column < PANEL && first + column < outputs; column += tiles.columns)
                multiply_column(tiles, tiles.across, x + row * x_step, x_step, 0, height, panel + PANEL + column, PANEL,
                                inputs, y + row * y_step + first + column, y_step, outputs - first - column,
                                panel + column, base ? base + row * base_step + first + column : 0, base_step);
    }
}

/* CHUNK rows of z and BLOCK rows of y at a time, so that a panel of z stays in the first-level cache. */
enum { CHUNK = 128, BLOCK = 14 * 6 * 4 };

/* Whether a panel of z is copied before it is read by the tiles of `height` rows.

   Each row of a panel is one or two lines of the cache, z_step floats after the row before. Rows 128 floats or more apart
   fall into a few sets of the first-level cache, the fewer the more twos divide the step, and drive each other out of it:
   on an AMD Zen 3 (AVX2) products with z_step = 256 reach 61 GFLOP/s in place and 87 copied. x read down its columns
   has such rows, too, and leaves less room. A copy costs as much as computing 2 to 3 rows, and more where z comes from
   memory, so that fewer than 24 rows of y do not repay it. */
enum { FEWEST_ROWS = 24, FAR = 128, FAR_BESIDE_COLUMNS = 64 };
static int copies_panel(size_t height, size_t z_step, int transposed) {
    return height >= FEWEST_ROWS && z_step >= (transposed ? FAR_BESIDE_COLUMNS : FAR);
}

/* copy[k * columns + c] = z[k * z_step + c] for c < width, 0 for further columns; k < count. */
static void copy_panel(const float *z, size_t z_step, size_t width, size_t columns, size_t count, float *copy) {
    if (width >= columns) return ck_copy_blocks(z, z_step, copy, columns, columns, count);
    for (size_t k = 0; k < count; k++) {
        memcpy(copy + k * columns, z + k * z_step, width * sizeof *copy);
        memset(copy + k * columns + width, 0, (columns - width) * sizeof *copy);
    }
}

void ck_multiply_matrices(const float *x, size_t x_step, int transposed, size_t rows, const float *z, size_t z_step,
                          size_t columns, size_t depth, float *y, size_t y_step, int accumulating, int instructions) {
    const struct tiles tiles = tiles_for(instructions);
    tile *const *by_rows = transposed ? tiles.down : tiles.across;
    float copy[CHUNK * PANEL];
    for (size_t row = 0; row < rows; row += BLOCK) {
        size_t height = rows - row < BLOCK ? rows - row : BLOCK;
        const float *from = x + row * (transposed ? 1 : x_step);
        int copies = copies_panel(height, z_step, transposed);
        for (size_t k = 0; k < depth; k += CHUNK) {
            size_t count = depth - k < CHUNK ? depth - k : CHUNK;
            const float *chunk = from + k * (transposed ? x_step : 1);
            for (size_t column = 0; column < columns; column += tiles.columns) {
                size_t width = columns - column;
                const float *panel = z + k * z_step + column;
                size_t panel_step = z_step;
                if (copies || width < tiles.columns) {
                    copy_panel(panel, z_step, width, tiles.columns, count, copy);
                    panel = copy;
                    panel_step = tiles.columns;
                }
                float *to = y + row * y_step + column;
                multiply_column(tiles, by_rows, chunk, x_step, transposed, height, panel, panel_step, count, to, y_step,
                                width, 0, accumulating || k > 0 ? to : 0, y_step);
            }
        }
    }
}

void ck_multiply_transposed(const float *x, size_t x_step, size_t rows, const float *z, size_t z_step, size_t columns,
                            size_t depth, float *y, size_t y_step, int accumulating, int instructions) {
    const struct tiles tiles = tiles_for(instructions);
    float copy[CHUNK * PANEL];
    for (size_t k = 0; k < depth; k += CHUNK) {
        size_t count = depth - k < CHUNK ? depth - k : CHUNK;
        for (size_t first = 0; first < columns; first += PANEL) {
            size_t width = columns - first < PANEL ? columns - first : PANEL;
            transpose_panel(z + first * z_step + k, z_step, width, count, copy);
            for (size_t column = 0; column < width; column += tiles.columns)
                multiply_column(tiles, tiles.across, x + k, x_step, 0, rows, copy + column, PANEL, count,
                                y + first + column, y_step, width - column, 0,
                                accumulating || k > 0 ? y + first + column : 0, y_step);
        }
    }
}
