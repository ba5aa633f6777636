#include "ckernels.h"
#include "vectors.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Tells the compiler that iterations are independent: each reads and writes at its own index only, so x and y may be
   the same array. Otherwise it would check for overlap at run time and run scalar code where they are the same. */
#define ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")

/* Inlined into each of a kernel's versions: a function of its own would be compiled for the baseline only. */
#define INLINE static inline __attribute__((always_inline))

/* Coefficients below are least-squares fits in float64 over Chebyshev nodes of the stated range;
   the error bounds in the header are asserted by the tests of the Engine target. */

INLINE float exp_approx(float x) {
    const float lowest = -87.33654f, highest = 88.0f;
    float a = x < lowest ? lowest : (x > highest ? highest : x);
    /* Adding and subtracting 1.5 * 2^23 rounds to the nearest integer. */
    float shifted = a * 1.44269504f + 12582912.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    float n = shifted - 12582912.0f;
    float r = a - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.394656195e-03f;
    p = p * r + 8.369223508e-03f;
    p = p * r + 4.166626152e-02f;
    p = p * r + 1.666651538e-01f;
    p = p * r + 5.000000081e-01f;
    float e = 1.0f + r + r * r * p;
    uint32_t scale_bits = (bits + 127) << 23;
    float scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return x < lowest ? 0.0f : e * scale;
}

/* 16 floats at a time: rows are often too short for the compiler's loops over several vectors. */
enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));
typedef double double_lanes __attribute__((vector_size(128)));
#define SHUFFLED(a, ...) __builtin_shufflevector(a, a, __VA_ARGS__)

/* Macros and pointers, because functions without the caller's instructions can neither take nor return wide vectors. */
#define LOAD(x) ({ lanes loaded; memcpy(&loaded, x, sizeof loaded); loaded; })
#define STORE(v, x) ({ lanes stored = v; memcpy(x, &stored, sizeof stored); })

/* The sum of all lanes: the upper half is added to the lower one until one lane is left. */
INLINE float lanes_sum(const lanes *v) {
    vector4 sum = SHUFFLED(*v, 0, 1, 2, 3) + SHUFFLED(*v, 8, 9, 10, 11) +
                  (SHUFFLED(*v, 4, 5, 6, 7) + SHUFFLED(*v, 12, 13, 14, 15));
    sum += SHUFFLED(sum, 2, 3, 2, 3);
    return sum[0] + sum[1];
}

/* The largest of all lanes that are numbers. */
INLINE float lanes_max(const lanes *v) {
    vector4 best = __builtin_elementwise_max(
        __builtin_elementwise_max(SHUFFLED(*v, 0, 1, 2, 3), SHUFFLED(*v, 8, 9, 10, 11)),
        __builtin_elementwise_max(SHUFFLED(*v, 4, 5, 6, 7), SHUFFLED(*v, 12, 13, 14, 15)));
    best = __builtin_elementwise_max(best, SHUFFLED(best, 2, 3, 2, 3));
    return best[0] > best[1] ? best[0] : best[1];
}

/* The lanes of a where the mask's bits are set, of b elsewhere. */
#define SELECT(mask, a, b) ((lanes)(((mask) & (int_lanes)(a)) | (~(mask) & (int_lanes)(b))))

/* x = exp(x), as exp_approx. */
INLINE void exp_lanes(lanes *x) {
    const float lowest = -87.33654f, highest = 88.0f;
    int_lanes below = *x < lowest, above = *x > highest;
    lanes a = SELECT(below, (lanes){0} + lowest, SELECT(above, (lanes){0} + highest, *x));
    lanes shifted = a * 1.44269504f + 12582912.0f;
    lanes n = shifted - 12582912.0f;
    lanes r = a - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    lanes p = (lanes){0} + 1.394656195e-03f;
    p = p * r + 8.369223508e-03f;
    p = p * r + 4.166626152e-02f;
    p = p * r + 1.666651538e-01f;
    p = p * r + 5.000000081e-01f;
    lanes e = 1.0f + r + r * r * p;
    lanes scale = (lanes)(((int_lanes)shifted + 127) << 23);
    *x = (lanes)(~below & (int_lanes)(e * scale));
}

/* The upper tail 1 - Phi(a) of the standard normal for a >= 0, as exp(-Q(a)) with a polynomial Q: relative error below
   1e-6 for a <= 3, absolute error below 1e-8 beyond. Q increases, so the tail falls to 0. */
INLINE float tail_approx(float a) {
    float q = 9.887676172e-09f;
    q = q * a + -3.711213695e-07f;
    q = q * a + 5.559656240e-06f;
    q = q * a + -4.280131624e-05f;
    q = q * a + 1.628748629e-04f;
    q = q * a + 5.923148139e-05f;
    q = q * a + -4.885520797e-03f;
    q = q * a + 3.639845040e-02f;
    q = q * a + 3.182897415e-01f;
    q = q * a + 7.978873818e-01f;
    q = q * a + 6.931470814e-01f;
    return exp_approx(-q);
}

/* From here on the tail is 0. |x| is limited to it, because infinity * 0 is not a number. */
static const float tail_end = 30.0f;

CKERNEL void ck_gelu(const float *x, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float v = x[i];
        float a = fabsf(v);
        a = a > tail_end ? tail_end : a;
        y[i] = (v < 0.0f ? 0.0f : v) - a * tail_approx(a);
    }
}

CKERNEL void ck_exp(const float *x, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = exp_approx(x[i]);
}

CKERNEL void ck_relu(const float *x, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

CKERNEL void ck_sigmoid(const float *x, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = 1.0f / (1.0f + exp_approx(-x[i]));
}

/* sin and cos of one element, |v| <= 8192. */
INLINE void sincos_approx(float v, float *sine_out, float *cosine_out) {
    float shifted = v * 0.636619772f + 12582912.0f;
    int32_t quadrant;
    memcpy(&quadrant, &shifted, sizeof quadrant);
    float n = shifted - 12582912.0f;
    /* pi/2 in three parts, the first two short enough for exact products. */
    float r = v - n * 1.5703125f;
    r = r - n * 4.837512969970703e-4f;
    r = r - n * 7.54978995e-8f;
    float z = r * r;
    float sp = 2.715783124e-06f;
    sp = sp * z + -1.983901378e-04f;
    sp = sp * z + 8.333328115e-03f;
    sp = sp * z + -1.666666663e-01f;
    float sine = r + r * z * sp;
    float cp = -2.720785865e-07f;
    cp = cp * z + 2.479948766e-05f;
    cp = cp * z + -1.388888361e-03f;
    cp = cp * z + 4.166666662e-02f;
    float cosine = 1.0f - 0.5f * z + z * z * cp;
    int swap = quadrant & 1;
    float s0 = swap ? cosine : sine;
    float c0 = swap ? sine : cosine;
    *sine_out = (quadrant & 2) ? -s0 : s0;
    *cosine_out = ((quadrant + 1) & 2) ? -c0 : c0;
}

/* Whether any |x[i]| is above 8192 or not a number: sincos_approx is not accurate there. */
INLINE int any_beyond(const float *x, size_t count) {
    int beyond = 0;
    for (size_t i = 0; i < count; i++) beyond |= !(fabsf(x[i]) <= 8192.0f);
    return beyond;
}

/* s[i] = sin(x[i]), c[i] = factor * cos(x[i]). */
INLINE void scaled_sincos(const float *x, float factor, float *s, float *c, size_t count) {
    if (any_beyond(x, count)) {
        for (size_t i = 0; i < count; i++) {
            float v = x[i];
            s[i] = sinf(v);
            c[i] = cosf(v) * factor;
        }
        return;
    }
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float sine, cosine;
        sincos_approx(x[i], &sine, &cosine);
        s[i] = sine;
        c[i] = cosine * factor;
    }
}

CKERNEL void ck_sincos(const float *x, float *s, float *c, size_t count) { scaled_sincos(x, 1.0f, s, c, count); }

CKERNEL void ck_sine_layer(const float *bias, float omega0, float *y, float *slope, size_t rows, size_t columns) {
    for (size_t row = 0; row < rows; row++, y += columns, slope += columns) {
        ELEMENTWISE
        for (size_t i = 0; i < columns; i++) y[i] = (y[i] + bias[i]) * omega0;
        scaled_sincos(y, omega0, y, slope, columns);
    }
}

CKERNEL void ck_sin(const float *x, float *y, size_t count) {
    if (any_beyond(x, count)) {
        for (size_t i = 0; i < count; i++) y[i] = sinf(x[i]);
        return;
    }
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float sine, cosine;
        sincos_approx(x[i], &sine, &cosine);
        y[i] = sine;
    }
}

/* The last LANES elements of a row of which the last `count` are wanted, or a shorter row: *v has them at the end, filled
   up with `filler` before them, and *mask has bits set where they are. */
INLINE void load_tail(const float *x, size_t all, size_t count, float filler, lanes *v, int_lanes *mask) {
    *mask = (int_lanes){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} >= (int32_t)(LANES - count);
    if (all >= LANES) {
        *v = LOAD(x + all - LANES);
        return;
    }
    float part[LANES];
    for (size_t i = 0; i < LANES; i++) part[i] = filler;
    for (size_t i = 0; i < all; i++) part[LANES - all + i] = x[i];
    *v = LOAD(part);
}

/* The reverse. Where a row has LANES elements, those before the tail must be the same as the row's. */
INLINE void store_tail(const lanes *v, float *x, size_t all) {
    if (all >= LANES) {
        STORE(*v, x + all - LANES);
        return;
    }
    float part[LANES];
    STORE(*v, part);
    for (size_t i = 0; i < all; i++) x[i] = part[LANES - all + i];
}

CKERNEL void ck_softmax(const float *x, float *y, size_t count, float scale) {
    size_t whole = count / LANES * LANES, rest = count - whole;
    lanes tail = {0.0f}, peaks = (lanes){0.0f} - INFINITY;
    int_lanes mask = {0};
    if (rest > 0) {
        load_tail(x, count, rest, 0.0f, &tail, &mask);
        tail *= scale;
        peaks = SELECT(mask, tail, peaks);
    }
    for (size_t first = 0; first < whole; first += LANES) {
        lanes v = LOAD(x + first) * scale;
        peaks = __builtin_elementwise_max(peaks, v);
    }
    float peak = lanes_max(&peaks);
    /* In float64, because an error of the sum would change the whole row by the same factor. */
    double_lanes sums = {0.0};
    for (size_t first = 0; first < whole; first += LANES) {
        /* Statements of their own, so that product and subtraction are not fused: v is then rounded as `peak` was, the
           largest difference is exactly 0, and large scores cannot all underflow. */
        lanes v = LOAD(x + first) * scale;
        v -= peak;
        exp_lanes(&v);
        STORE(v, y + first);
        sums += __builtin_convertvector(v, double_lanes);
    }
    if (rest > 0) {
        tail -= peak;
        exp_lanes(&tail);
        lanes own = (lanes)(mask & (int_lanes)tail);
        sums += __builtin_convertvector(own, double_lanes);
    }
    typedef double double4 __attribute__((vector_size(32)));
    double4 sum = SHUFFLED(sums, 0, 1, 2, 3) + SHUFFLED(sums, 8, 9, 10, 11) +
                  (SHUFFLED(sums, 4, 5, 6, 7) + SHUFFLED(sums, 12, 13, 14, 15));
    float factor = (float)(1.0 / (sum[0] + sum[2] + (sum[1] + sum[3])));
    for (size_t first = 0; first < whole; first += LANES) STORE(LOAD(y + first) * factor, y + first);
    if (rest > 0) {
        tail *= factor;
        store_tail(&tail, y, count);
    }
}

INLINE void moments(const float *x, size_t count, float *mean, float *squares) {
    size_t whole = count / LANES * LANES;
    lanes sums = {0.0f};
    for (size_t first = 0; first < whole; first += LANES) sums += LOAD(x + first);
    float sum = lanes_sum(&sums);
    for (size_t i = whole; i < count; i++) sum += x[i];
    float m = sum / (float)count;
    sums = (lanes){0.0f};
    for (size_t first = 0; first < whole; first += LANES) {
        lanes d = LOAD(x + first) - m;
        sums += d * d;
    }
    float total = lanes_sum(&sums);
    for (size_t i = whole; i < count; i++) {
        float d = x[i] - m;
        total += d * d;
    }
    *mean = m;
    *squares = total;
}

CKERNEL void ck_moments(const float *x, size_t count, float *mean, float *squares) { moments(x, count, mean, squares); }

/* The sums of four vectors' lanes, each in the order of lanes_sum. */
INLINE void lanes_sums(const lanes *v, vector4 *sums) {
#define BOTH(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
    lanes a = BOTH(v[0], v[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
              BOTH(v[0], v[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    lanes b = BOTH(v[2], v[3], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
              BOTH(v[2], v[3], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    lanes c = BOTH(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
              BOTH(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    /* Four partial sums of each vector, side by side. */
    vector4 d = SHUFFLED(c, 0, 4, 8, 12) + SHUFFLED(c, 2, 6, 10, 14);
    vector4 e = SHUFFLED(c, 1, 5, 9, 13) + SHUFFLED(c, 3, 7, 11, 15);
    *sums = d + e;
}

/* Rows whose sums are computed together, and rows whose square roots and divisions are. */
enum { GROUP = 4, CHUNK = LANES };

/* Means and sums of squared deviations of `rows` rows, at most CHUNK. Rows of whole vectors are computed GROUP at a time,
   with the same bits as one at a time. */
INLINE void chunk_moments(const float *x, size_t x_step, size_t rows, size_t count, float *means, float *squares) {
    size_t grouped = count % LANES == 0 ? rows / GROUP * GROUP : 0;
    for (size_t row = 0; row < grouped; row += GROUP) {
        const float *from = x + row * x_step;
        lanes sums[GROUP];
        UNROLL for (int r = 0; r < GROUP; r++) sums[r] = (lanes){0.0f};
        for (size_t i = 0; i < count; i += LANES)
            UNROLL for (int r = 0; r < GROUP; r++) sums[r] += LOAD(from + (size_t)r * x_step + i);
        vector4 mean, total;
        lanes_sums(sums, &mean);
        mean /= (float)count;
        UNROLL for (int r = 0; r < GROUP; r++) sums[r] = (lanes){0.0f};
        for (size_t i = 0; i < count; i += LANES)
            UNROLL for (int r = 0; r < GROUP; r++) {
                lanes d = LOAD(from + (size_t)r * x_step + i) - mean[r];
                sums[r] += d * d;
            }
        lanes_sums(sums, &total);
        memcpy(means + row, &mean, sizeof mean);
        memcpy(squares + row, &total, sizeof total);
    }
    for (size_t row = grouped; row < rows; row++) moments(x + row * x_step, count, means + row, squares + row);
}

/* The reciprocals of the divisors of CHUNK rows. */
INLINE void chunk_factors(const float *squares, size_t count, int unbiased, float *factors) {
    lanes s = LOAD(squares);
    STORE(unbiased ? 1.0f / (__builtin_elementwise_sqrt(s / (float)(count - 1)) + 1e-5f)
                   : 1.0f / __builtin_elementwise_sqrt(s / (float)count + 1e-5f),
          factors);
}

INLINE void normalize(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t count, int unbiased,
                      const float *gamma, const float *beta) {
/* Rounded after every operation, as PyTorch does: pictures that are drawn from latents amplify any difference. */
#pragma clang fp contract(off)
    size_t whole = count / LANES * LANES;
    float means[CHUNK], squares[CHUNK] = {0.0f}, factors[CHUNK];
    for (size_t first = 0; first < rows; first += CHUNK, x += CHUNK * x_step, y += CHUNK * y_step) {
        size_t height = rows - first < CHUNK ? rows - first : CHUNK;
        chunk_moments(x, x_step, height, count, means, squares);
        chunk_factors(squares, count, unbiased, factors);
        for (size_t row = 0; row < height; row++) {
            const float *from = x + row * x_step;
            float *to = y + row * y_step, mean = means[row], factor = factors[row];
            for (size_t i = 0; i < whole; i += LANES)
                STORE((LOAD(from + i) - mean) * factor * LOAD(gamma + i) + LOAD(beta + i), to + i);
            for (size_t i = whole; i < count; i++) to[i] = (from[i] - mean) * factor * gamma[i] + beta[i];
        }
    }
}

CKERNEL void ck_normalize(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t count,
                          int unbiased, const float *gamma, const float *beta) {
    /* A usual number of channels as a constant: without loops, short rows take a third less time. */
    if (count == 32) return normalize(x, x_step, y, y_step, rows, 32, unbiased, gamma, beta);
    normalize(x, x_step, y, y_step, rows, count, unbiased, gamma, beta);
}

CKERNEL void ck_add(const float *x, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

CKERNEL void ck_mean_row(const float *x, size_t x_step, size_t rows, float *y, size_t count) {
    /* Columns at a time, so that their sums stay in registers. */
    enum { BLOCK = 32 };
    double factor = 1.0 / (double)rows;
    for (size_t first = 0; first < count; first += BLOCK) {
        const float *from = x + first;
        double sum[BLOCK] = {0.0};
        size_t width = count - first;
        if (width >= BLOCK) {
            width = BLOCK;
            for (size_t row = 0; row < rows; row++, from += x_step)
                for (size_t i = 0; i < BLOCK; i++) sum[i] += (double)from[i];
        } else {
            for (size_t row = 0; row < rows; row++, from += x_step)
                for (size_t i = 0; i < width; i++) sum[i] += (double)from[i];
        }
        for (size_t i = 0; i < width; i++) y[first + i] = (float)(sum[i] * factor);
    }
}

CKERNEL void ck_max_rows(const float *x, size_t x_step, size_t rows, float *y, size_t count) {
    memcpy(y, x, count * sizeof *y);
    for (size_t row = 1; row < rows; row++) {
        const float *from = x + row * x_step;
        ELEMENTWISE
        for (size_t i = 0; i < count; i++) y[i] = from[i] > y[i] ? from[i] : y[i];
    }
}

CKERNEL void ck_max_rows_adjoint(const float *x, size_t x_step, size_t rows, const float *y, const float *dy, float *dx,
                                 size_t dx_step, size_t count) {
    /* What no row has got yet, of some columns at a time. */
    enum { BLOCK = 64 };
    float rest[BLOCK];
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t width = count - first < BLOCK ? count - first : BLOCK;
        memcpy(rest, dy + first, width * sizeof *rest);
        for (size_t row = 0; row < rows; row++) {
            const float *from = x + row * x_step + first, *most = y + first;
            float *to = dx + row * dx_step + first;
            ELEMENTWISE
            for (size_t i = 0; i < width; i++) {
                float share = from[i] == most[i] ? rest[i] : 0.0f;
                to[i] += share;
                rest[i] -= share;
            }
        }
    }
}

CKERNEL void ck_accumulate(const float *x, double *sum, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) sum[i] += (double)x[i];
}

CKERNEL void ck_store(const double *sum, float *y, size_t count, double factor) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = (float)(sum[i] * factor);
}

CKERNEL void ck_add_scaled(const float *x, float *y, size_t count, float factor) {
/* Two roundings, as PyTorch does: the difference of a fused multiply-add is visible in Fourier features. */
#pragma clang fp contract(off)
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
}

/* Blocks of a constant width become a few vector instructions; a call of memcpy would take longer than the copy. */
INLINE void copy_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count) {
    for (size_t block = 0; block < count; block++) memcpy(y + block * y_step, x + block * x_step, width * sizeof *x);
}

/* y += x, with both loaded before the store: otherwise the compiler would have to rule out that they overlap. */
INLINE void add_block(const float *x, float *y, size_t width) {
    typedef float eight __attribute__((vector_size(32)));
    size_t i = 0;
    for (; i + 8 <= width; i += 8) {
        eight a, b;
        memcpy(&a, x + i, sizeof a);
        memcpy(&b, y + i, sizeof b);
        b += a;
        memcpy(y + i, &b, sizeof b);
    }
    for (; i < width; i++) y[i] += x[i];
}

INLINE void add_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count) {
    for (size_t block = 0; block < count; block++) add_block(x + block * x_step, y + block * y_step, width);
}

/* Calls `function` with a constant width where it is one of the usual ones of heads and tokens. */
#define WITH_WIDTH(function, ...)                                                                                      \
    switch (width) {                                                                                                   \
    case 4: return function(__VA_ARGS__, 4, count);                                                                    \
    case 8: return function(__VA_ARGS__, 8, count);                                                                    \
    case 16: return function(__VA_ARGS__, 16, count);                                                                  \
    case 32: return function(__VA_ARGS__, 32, count);                                                                  \
    default: return function(__VA_ARGS__, width, count);                                                               \
    }

CKERNEL void ck_copy_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count) {
    WITH_WIDTH(copy_blocks, x, x_step, y, y_step)
}

CKERNEL void ck_add_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count) {
    WITH_WIDTH(add_blocks, x, x_step, y, y_step)
}

CKERNEL void ck_add_rows(const float *x, size_t x_step, size_t rows, float *y, size_t count) {
    /* Columns at a time, so that their sums stay in registers. */
    size_t first = 0;
    for (; first + 2 * LANES <= count; first += 2 * LANES) {
        lanes sum = LOAD(y + first), other = LOAD(y + first + LANES);
        const float *from = x + first;
        for (size_t row = 0; row < rows; row++, from += x_step) {
            sum += LOAD(from);
            other += LOAD(from + LANES);
        }
        STORE(sum, y + first);
        STORE(other, y + first + LANES);
    }
    for (size_t row = 0; first < count && row < rows; row++)
        for (size_t i = first; i < count; i++) y[i] += x[row * x_step + i];
}

/* Where tokens lie closer together than neurons, neurons are the outer loop: memory is then read in order, and rows a
   multiple of 4096 bytes apart do not compete for the same sets of the first-level cache. */
INLINE void gather_entries(const float *x, size_t token_step, size_t neuron_step, size_t tokens, size_t neurons,
                                  float *y, size_t part_step, size_t y_step, size_t parts, size_t width, size_t count) {
    (void)count;
    if (token_step < neuron_step) {
        for (size_t neuron = 0; neuron < neurons; neuron++)
            for (size_t token = 0; token < tokens; token++)
                for (size_t part = 0; part < parts; part++)
                    memcpy(y + part * part_step + token * y_step + neuron * width,
                           x + token * token_step + neuron * neuron_step + part * width, width * sizeof *x);
    } else {
        for (size_t token = 0; token < tokens; token++)
            for (size_t neuron = 0; neuron < neurons; neuron++)
                for (size_t part = 0; part < parts; part++)
                    memcpy(y + part * part_step + token * y_step + neuron * width,
                           x + token * token_step + neuron * neuron_step + part * width, width * sizeof *x);
    }
}

CKERNEL void ck_gather_entries(const float *x, size_t token_step, size_t neuron_step, size_t tokens, size_t neurons,
                               size_t parts, size_t width, float *y, size_t part_step, size_t y_step) {
    size_t count = 0;
    if (parts == 3) WITH_WIDTH(gather_entries, x, token_step, neuron_step, tokens, neurons, y, part_step, y_step, 3)
    WITH_WIDTH(gather_entries, x, token_step, neuron_step, tokens, neurons, y, part_step, y_step, parts)
}

INLINE void put_entry(const float *from, float *to, size_t width, int accumulating) {
    if (accumulating) add_block(from, to, width);
    else memcpy(to, from, width * sizeof *to);
}

INLINE void scatter_entries(const float *x, size_t part_step, size_t x_step, float *y, size_t token_step,
                                   size_t neuron_step, size_t tokens, size_t neurons, int accumulating, size_t parts,
                                   size_t width, size_t count) {
    (void)count;
    if (token_step < neuron_step) {
        for (size_t neuron = 0; neuron < neurons; neuron++)
            for (size_t token = 0; token < tokens; token++)
                for (size_t part = 0; part < parts; part++)
                    put_entry(x + part * part_step + token * x_step + neuron * width,
                              y + token * token_step + neuron * neuron_step + part * width, width, accumulating);
    } else {
        for (size_t token = 0; token < tokens; token++)
            for (size_t neuron = 0; neuron < neurons; neuron++)
                for (size_t part = 0; part < parts; part++)
                    put_entry(x + part * part_step + token * x_step + neuron * width,
                              y + token * token_step + neuron * neuron_step + part * width, width, accumulating);
    }
}

CKERNEL void ck_scatter_entries(const float *x, size_t part_step, size_t x_step, size_t parts, size_t width, float *y,
                                size_t token_step, size_t neuron_step, size_t tokens, size_t neurons,
                                int accumulating) {
    size_t count = 0;
    if (parts == 3 && accumulating)
        WITH_WIDTH(scatter_entries, x, part_step, x_step, y, token_step, neuron_step, tokens, neurons, 1, 3)
    if (parts == 3)
        WITH_WIDTH(scatter_entries, x, part_step, x_step, y, token_step, neuron_step, tokens, neurons, 0, 3)
    WITH_WIDTH(scatter_entries, x, part_step, x_step, y, token_step, neuron_step, tokens, neurons, accumulating, parts)
}

CKERNEL void ck_gelu_slope(const float *x, float *y, float *slope, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float v = x[i];
        float a = fabsf(v);
        a = a > tail_end ? tail_end : a;
        float tail = tail_approx(a);
        float cumulative = v < 0.0f ? tail : 1.0f - tail;
        y[i] = (v < 0.0f ? 0.0f : v) - a * tail;
        slope[i] = cumulative + v * 0.39894228040143268f * exp_approx(-0.5f * v * v);
    }
}

CKERNEL void ck_multiply(const float *x, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

CKERNEL void ck_add_product(const float *a, const float *b, float *y, size_t count) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] += a[i] * b[i];
}

CKERNEL void ck_contribute(const float *x, float *y, size_t count, float factor, int accumulating) {
    if (accumulating) {
        ELEMENTWISE
        for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
    } else {
        ELEMENTWISE
        for (size_t i = 0; i < count; i++) y[i] = factor * x[i];
    }
}

CKERNEL void ck_softmax_adjoint(const float *p, float *dp, size_t count, float scale) {
    size_t whole = count / LANES * LANES, rest = count - whole;
    lanes tail = {0.0f}, dtail = {0.0f}, sums = {0.0f};
    int_lanes mask = {0};
    if (rest > 0) {
        load_tail(p, count, rest, 0.0f, &tail, &mask);
        load_tail(dp, count, rest, 0.0f, &dtail, &mask);
        sums = (lanes)(mask & (int_lanes)(tail * dtail));
    }
    for (size_t i = 0; i < whole; i += LANES) sums += LOAD(p + i) * LOAD(dp + i);
    float sum = lanes_sum(&sums);
    for (size_t i = 0; i < whole; i += LANES) STORE(LOAD(p + i) * (LOAD(dp + i) - sum) * scale, dp + i);
    if (rest > 0) {
        tail = tail * (dtail - sum) * scale;
        store_tail(&tail, dp, count);
    }
}

/* What the gradients of CHUNK rows need beside the rows: see ck_norm_adjoint. */
struct norm_rows {
    float means[CHUNK], factors[CHUNK], offsets[CHUNK], pulls[CHUNK];
};

/* sums[row] = sum of g, products[row] = sum of g (x - mean), g = dy * gamma. */
INLINE void norm_sums(const float *x, size_t x_step, const float *dy, size_t dy_step, size_t rows, size_t count,
                      const float *gamma, const float *means, float *sums, float *products) {
    size_t whole = count / LANES * LANES;
    size_t grouped = whole == count ? rows / GROUP * GROUP : 0;
    for (size_t row = 0; row < grouped; row += GROUP) {
        lanes sum[GROUP], product[GROUP];
        UNROLL for (int r = 0; r < GROUP; r++) sum[r] = product[r] = (lanes){0.0f};
        for (size_t i = 0; i < count; i += LANES) {
            lanes gammas = LOAD(gamma + i);
            UNROLL for (int r = 0; r < GROUP; r++) {
                lanes g = LOAD(dy + (row + (size_t)r) * dy_step + i) * gammas;
                sum[r] += g;
                product[r] += g * (LOAD(x + (row + (size_t)r) * x_step + i) - means[row + (size_t)r]);
            }
        }
        vector4 totals;
        lanes_sums(sum, &totals);
        memcpy(sums + row, &totals, sizeof totals);
        lanes_sums(product, &totals);
        memcpy(products + row, &totals, sizeof totals);
    }
    for (size_t row = grouped; row < rows; row++) {
        const float *from = x + row * x_step, *gradient = dy + row * dy_step;
        lanes sum = {0.0f}, product = {0.0f};
        for (size_t i = 0; i < whole; i += LANES) {
            lanes g = LOAD(gradient + i) * LOAD(gamma + i);
            sum += g;
            product += g * (LOAD(from + i) - means[row]);
        }
        sums[row] = lanes_sum(&sum);
        products[row] = lanes_sum(&product);
        for (size_t i = whole; i < count; i++) {
            float g = gradient[i] * gamma[i];
            sums[row] += g;
            products[row] += g * (from[i] - means[row]);
        }
    }
}

INLINE void norm_rows(const float *x, size_t x_step, const float *dy, size_t dy_step, size_t rows, size_t count,
                      int unbiased, const float *gamma, struct norm_rows *result) {
    float squares[CHUNK] = {0.0f}, sums[CHUNK] = {0.0f}, products[CHUNK] = {0.0f};
    chunk_moments(x, x_step, rows, count, result->means, squares);
    norm_sums(x, x_step, dy, dy_step, rows, count, gamma, result->means, sums, products);
    chunk_factors(squares, count, unbiased, result->factors);
    lanes factor = LOAD(result->factors), curvature = factor / (float)count;
    if (unbiased) {
        lanes deviation = __builtin_elementwise_sqrt(LOAD(squares) / (float)(count - 1));
        curvature = (lanes)((deviation > 0.0f) & (int_lanes)(1.0f / ((float)(count - 1) * deviation)));
    }
    STORE(LOAD(sums) / (float)count, result->offsets);
    STORE(LOAD(products) * (factor * curvature), result->pulls);
}

/* LANES columns of a chunk of rows; dgamma's and dbeta's sums stay in registers. */
INLINE void norm_lanes(const float *x, size_t x_step, const float *dy, size_t dy_step, const struct norm_rows *rows,
                       size_t count, const float *gamma, float *dx, size_t dx_step, const float *base, size_t base_step,
                       float *dgamma, float *dbeta) {
    lanes gain = {0.0f}, offset = {0.0f}, gammas = LOAD(gamma);
    for (size_t row = 0; row < count; row++) {
        float mean = rows->means[row], factor = rows->factors[row];
        float shift = rows->offsets[row], pull = rows->pulls[row];
        lanes gradient = LOAD(dy + row * dy_step), d = (LOAD(x + row * x_step) - mean) * factor;
        gain += gradient * d;
        offset += gradient;
        if (!dx) continue;
        lanes own = factor * (gradient * gammas - shift) - pull * d;
        if (base) own += LOAD(base + row * base_step);
        STORE(own, dx + row * dx_step);
    }
    if (dgamma) STORE(LOAD(dgamma) + gain, dgamma);
    if (dbeta) STORE(LOAD(dbeta) + offset, dbeta);
}

/* One column of a chunk of rows. */
INLINE void norm_column(const float *x, size_t x_step, const float *dy, size_t dy_step, const struct norm_rows *rows,
                        size_t count, float gamma, float *dx, size_t dx_step, const float *base, size_t base_step,
                        float *dgamma, float *dbeta) {
    for (size_t row = 0; row < count; row++) {
        float mean = rows->means[row], factor = rows->factors[row];
        float shift = rows->offsets[row], pull = rows->pulls[row];
        float gradient = dy[row * dy_step], d = (x[row * x_step] - mean) * factor;
        if (dgamma) *dgamma += gradient * d;
        if (dbeta) *dbeta += gradient;
        if (!dx) continue;
        float own = factor * (gradient * gamma - shift) - pull * d;
        dx[row * dx_step] = base ? base[row * base_step] + own : own;
    }
}

INLINE void norm_adjoint(const float *x, size_t x_step, const float *dy, size_t dy_step, size_t rows, size_t count,
                         int unbiased, const float *gamma, float *dx, size_t dx_step, const float *base,
                         size_t base_step, float *dgamma, float *dbeta) {
    struct norm_rows own;
    for (size_t first = 0; first < rows; first += CHUNK) {
        size_t height = rows - first < CHUNK ? rows - first : CHUNK;
        norm_rows(x, x_step, dy, dy_step, height, count, unbiased, gamma, &own);
        for (size_t column = 0; column < count;) {
            float *target = dx ? dx + column : 0, *gain = dgamma ? dgamma + column : 0;
            float *offset = dbeta ? dbeta + column : 0;
            const float *old = base ? base + column : 0;
            if (count - column < LANES) {
                norm_column(x + column, x_step, dy + column, dy_step, &own, height, gamma[column], target, dx_step, old,
                            base_step, gain, offset);
                column++;
                continue;
            }
            /* A constant argument, so that the loop over rows has no branches. */
            if (target && old)
                norm_lanes(x + column, x_step, dy + column, dy_step, &own, height, gamma + column, target, dx_step, old,
                           base_step, gain, offset);
            else
                norm_lanes(x + column, x_step, dy + column, dy_step, &own, height, gamma + column, target, dx_step, 0,
                           0, gain, offset);
            column += LANES;
        }
        x += CHUNK * x_step;
        dy += CHUNK * dy_step;
        if (dx) dx += CHUNK * dx_step;
        if (base) base += CHUNK * base_step;
    }
}

CKERNEL void ck_norm_adjoint(const float *x, size_t x_step, const float *dy, size_t dy_step, size_t rows, size_t count,
                             int unbiased, const float *gamma, float *dx, size_t dx_step, const float *base,
                             size_t base_step, float *dgamma, float *dbeta) {
    if (count == 32)
        return norm_adjoint(x, x_step, dy, dy_step, rows, 32, unbiased, gamma, dx, dx_step, base, base_step, dgamma,
                            dbeta);
    norm_adjoint(x, x_step, dy, dy_step, rows, count, unbiased, gamma, dx, dx_step, base, base_step, dgamma, dbeta);
}

CKERNEL double ck_sum_squares(const float *x, size_t count) {
#pragma clang fp reassociate(on)
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

CKERNEL void ck_adamw(float *x, const float *gradient, float *m, float *v, size_t count, float rate, float beta1,
                      float beta2, float epsilon, float decay, float correction1, float correction2,
                      float gradient_factor) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] * gradient_factor;
        m[i] = beta1 * m[i] + (1.0f - beta1) * g;
        v[i] = beta2 * v[i] + (1.0f - beta2) * g * g;
        float root = __builtin_elementwise_sqrt(v[i] * correction2) + epsilon;
        x[i] -= rate * (m[i] * correction1 / root + decay * x[i]);
    }
}

CKERNEL void ck_rmsprop(float *x, const float *gradient, float *v, size_t count, float rate, float decay,
                        float epsilon) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        v[i] = decay * v[i] + (1.0f - decay) * gradient[i] * gradient[i];
        x[i] -= rate * gradient[i] / (__builtin_elementwise_sqrt(v[i]) + epsilon);
    }
}

CKERNEL void ck_blend(const float *x, float *average, size_t count, float share) {
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) average[i] += share * (x[i] - average[i]);
}
