#include "ckernels.h"
#include "vectors.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Convolutions of CK_LANES pictures at a time, one in each lane of a vector: the weights of all pictures are the same,
   so a multiply-add takes a vector of one pixel of all pictures, and a weight that is read from memory once and copied
   to all lanes. Vectors longer than the processor's registers take several of these.

   Sums of a tile stay in registers while its terms are added, in the same order in every tile. */

typedef float lanes __attribute__((vector_size(4 * CK_LANES)));
typedef int flags __attribute__((vector_size(4 * CK_LANES)));
/* Channels whose weights lie side by side in packed weights. */
#define BLOCK 8

#define LOAD(v, from) memcpy(&(v), from, sizeof(lanes))
#define STORE(v, to) memcpy(to, &(v), sizeof(lanes))
#define INLINE static inline __attribute__((always_inline))

/* tanh(x) = x P(x^2) / Q(x^2) for |x| <= 8, beyond which float32's tanh is 1; relative error below 4e-7. The
   coefficients are a least-squares fit of the relative error. Vectors are passed by address because not every
   function that this is compiled into has registers of their size. */
INLINE void tanh_approx(lanes *v) {
    const lanes highest = (lanes){0} + 8.0f;
    lanes x = __builtin_elementwise_max(__builtin_elementwise_min(*v, highest), -highest);
    lanes t = x * x;
    lanes p = t * 1.523046726e-08f + 2.189469593e-05f;
    p = p * t + 3.571600033e-03f;
    p = p * t + 1.344449966e-01f;
    p = p * t + 9.999999936e-01f;
    lanes q = t * 8.522466333e-07f + 3.411295339e-04f;
    q = q * t + 2.616445053e-02f;
    q = q * t + 4.677782698e-01f;
    q = q * t + 1.0f;
    *v = x * p / q;
}

INLINE void activate(lanes *v, int activation) {
    if (activation == CK_RELU)
        *v = __builtin_elementwise_max(*v, (lanes){0});
    else if (activation == CK_TANH)
        tanh_approx(v);
}

/* v *= the slope of the activation where its result is y. */
INLINE void multiply_by_slope(lanes *v, const lanes *y, int activation) {
    if (activation == CK_RELU) {
        /* A comparison of vectors is -1, all bits set, in lanes where it holds. */
        *v = (lanes)((flags)*v & (flags)(*y > 0.0f));
    } else if (activation == CK_TANH) {
        *v *= 1.0f - *y * *y;
    }
}

/* Defines a function for `positions` neighbouring outputs of `channels` channels; `valid` of these are stored. Offsets
   `plane`, `row` and `step` are of x, in floats: between channels, rows, and the pixels under neighbouring outputs. */
#define FORWARD(name, target, channels, positions)                                                                     \
    target static void name##_##positions(const struct ck_convolution *g, const float *x, size_t plane, size_t row,    \
                                          size_t step, const float *w, const float *bias, float *y, size_t y_plane,    \
                                          size_t valid, int activation) {                                              \
        lanes sum[channels][positions];                                                                                \
        UNROLL for (int o = 0; o < channels; o++) UNROLL for (int p = 0; p < positions; p++)                           \
            sum[o][p] = (lanes){0} + bias[o];                                                                          \
        for (size_t i = 0; i < g->inputs; i++)                                                                         \
            for (size_t r = 0; r < g->kernel_height; r++)                                                              \
                for (size_t c = 0; c < g->kernel_width; c++, w += BLOCK) {                                             \
                    const float *from = x + i * plane + r * row + c * CK_LANES;                                        \
                    lanes v[positions];                                                                                \
                    UNROLL for (int p = 0; p < positions; p++) LOAD(v[p], from + (size_t)p * step);                    \
                    UNROLL for (int o = 0; o < channels; o++) {                                                        \
                        float s = w[o];                                                                                \
                        UNROLL for (int p = 0; p < positions; p++) sum[o][p] += s * v[p];                              \
                    }                                                                                                  \
                }                                                                                                      \
        UNROLL for (int o = 0; o < channels; o++) if ((size_t)o < valid) UNROLL for (int p = 0; p < positions; p++) {  \
            activate(&sum[o][p], activation);                                                                          \
            STORE(sum[o][p], y + (size_t)o * y_plane + p * CK_LANES);                                                  \
        }                                                                                                              \
    }

/* Which outputs a pixel of x is read for, along one axis: with kernel positions first, first + stride, ..., of outputs
   at, at - 1, .... */
struct taps {
    size_t count, first, at;
};

/* Defines a function for the gradients of `positions` pixels of `channels` channels of x, a stride apart. */
#define ADJOINT(name, target, channels, positions)                                                                     \
    target static void name##_##positions(const struct ck_convolution *g, const float *dy, size_t plane, size_t row,   \
                                          struct taps rows, struct taps columns, const float *w, const float *x,       \
                                          float *dx, size_t x_plane, size_t valid, int activation) {                   \
        lanes sum[channels][positions];                                                                                \
        UNROLL for (int i = 0; i < channels; i++) UNROLL for (int p = 0; p < positions; p++) sum[i][p] = (lanes){0};   \
        for (size_t r = 0; r < rows.count; r++)                                                                        \
            for (size_t c = 0; c < columns.count; c++) {                                                               \
                const float *from = dy + (rows.at - r) * row + (columns.at - c) * CK_LANES;                            \
                size_t tap = (rows.first + r * g->stride) * g->kernel_width + columns.first + c * g->stride;           \
                const float *weight = w + tap * g->outputs * BLOCK;                                                    \
                for (size_t o = 0; o < g->outputs; o++, from += plane, weight += BLOCK) {                              \
                    lanes v[positions];                                                                                \
                    UNROLL for (int p = 0; p < positions; p++) LOAD(v[p], from + p * CK_LANES);                        \
                    UNROLL for (int i = 0; i < channels; i++) {                                                        \
                        float s = weight[i];                                                                           \
                        UNROLL for (int p = 0; p < positions; p++) sum[i][p] += s * v[p];                              \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        UNROLL for (int i = 0; i < channels; i++) if ((size_t)i < valid) UNROLL for (int p = 0; p < positions; p++) {  \
            size_t offset = (size_t)i * x_plane + (size_t)p * g->stride * CK_LANES;                                    \
            lanes own;                                                                                                 \
            LOAD(own, x + offset);                                                                                     \
            multiply_by_slope(&sum[i][p], &own, activation);                                                           \
            STORE(sum[i][p], dx + offset);                                                                             \
        }                                                                                                              \
    }

/* Defines a function for the gradients of `taps` neighbouring weights, from one channel of x to `channels` channels of
   y, over `rows` rows of y. */
#define WEIGHTS(name, target, channels, taps)                                                                          \
    target static void name##_##channels##x##taps(const float *x, size_t row, size_t step, const float *dy,            \
                                                  size_t plane, size_t rows, size_t columns, float *dw,                \
                                                  size_t dw_step) {                                                    \
        lanes sum[channels][taps];                                                                                     \
        UNROLL for (int o = 0; o < channels; o++) UNROLL for (int t = 0; t < taps; t++)                                \
            LOAD(sum[o][t], dw + (size_t)o * dw_step + t * CK_LANES);                                                  \
        for (size_t r = 0; r < rows; r++) {                                                                            \
            const float *from = x + r * row, *gradient = dy + r * columns * CK_LANES;                                  \
            for (size_t c = 0; c < columns; c++, from += step, gradient += CK_LANES) {                                 \
                lanes v[taps];                                                                                         \
                UNROLL for (int t = 0; t < taps; t++) LOAD(v[t], from + t * CK_LANES);                                 \
                UNROLL for (int o = 0; o < channels; o++) {                                                            \
                    lanes d;                                                                                           \
                    LOAD(d, gradient + (size_t)o * plane);                                                             \
                    UNROLL for (int t = 0; t < taps; t++) sum[o][t] += d * v[t];                                       \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        UNROLL for (int o = 0; o < channels; o++) UNROLL for (int t = 0; t < taps; t++)                                \
            STORE(sum[o][t], dw + (size_t)o * dw_step + t * CK_LANES);                                                 \
    }

typedef void forward(const struct ck_convolution *, const float *, size_t, size_t, size_t, const float *, const float *,
                     float *, size_t, size_t, int);
typedef void adjoint(const struct ck_convolution *, const float *, size_t, size_t, struct taps, struct taps,
                     const float *, const float *, float *, size_t, size_t, int);
typedef void weights(const float *, size_t, size_t, const float *, size_t, size_t, size_t, float *, size_t);

/* Functions by number of positions, and for weights' gradients by channels and taps. `channels` divides BLOCK. */
struct tiles {
    size_t channels, positions;
    forward *forward[4];
    adjoint *adjoint[4];
    size_t taps;
    weights *full, *one_tap, *one_channel, *single;
};

#if defined(__x86_64__)
FORWARD(wide_forward, WIDE, 8, 1) FORWARD(wide_forward, WIDE, 8, 2) FORWARD(wide_forward, WIDE, 8, 3)
ADJOINT(wide_adjoint, WIDE, 8, 1) ADJOINT(wide_adjoint, WIDE, 8, 2) ADJOINT(wide_adjoint, WIDE, 8, 3)
WEIGHTS(wide_weights, WIDE, 8, 3) WEIGHTS(wide_weights, WIDE, 8, 1)
WEIGHTS(wide_weights, WIDE, 1, 3) WEIGHTS(wide_weights, WIDE, 1, 1)
static const struct tiles wide = {
    8, 3, {0, wide_forward_1, wide_forward_2, wide_forward_3}, {0, wide_adjoint_1, wide_adjoint_2, wide_adjoint_3},
    3, wide_weights_8x3, wide_weights_8x1, wide_weights_1x3, wide_weights_1x1};
FORWARD(middle_forward, MIDDLE, 4, 1)
ADJOINT(middle_adjoint, MIDDLE, 4, 1)
WEIGHTS(middle_weights, MIDDLE, 4, 1) WEIGHTS(middle_weights, MIDDLE, 1, 1)
static const struct tiles middle = {
    4, 1, {0, middle_forward_1}, {0, middle_adjoint_1},
    1, middle_weights_4x1, middle_weights_4x1, middle_weights_1x1, middle_weights_1x1};
#endif
FORWARD(plain_forward, PLAIN, 2, 1)
ADJOINT(plain_adjoint, PLAIN, 2, 1)
WEIGHTS(plain_weights, PLAIN, 2, 1) WEIGHTS(plain_weights, PLAIN, 1, 1)
static const struct tiles plain = {
    2, 1, {0, plain_forward_1}, {0, plain_adjoint_1},
    1, plain_weights_2x1, plain_weights_2x1, plain_weights_1x1, plain_weights_1x1};

static const struct tiles *tiles_for(int instructions) {
#if defined(__x86_64__)
    if (instructions == CK_WIDE) return &wide;
    if (instructions == CK_MIDDLE) return &middle;
#endif
    return &plain;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t out_height(const struct ck_convolution *g) { return (g->height - g->kernel_height) / g->stride + 1; }
static size_t out_width(const struct ck_convolution *g) { return (g->width - g->kernel_width) / g->stride + 1; }
static size_t blocks(size_t channels) { return (channels + BLOCK - 1) / BLOCK; }
static size_t tap_count(const struct ck_convolution *g) { return g->kernel_height * g->kernel_width; }

size_t ck_convolution_packed_count(const struct ck_convolution *g, int adjoint) {
    return adjoint ? blocks(g->inputs) * BLOCK * tap_count(g) * g->outputs
                   : blocks(g->outputs) * BLOCK * (1 + tap_count(g) * g->inputs);
}

void ck_convolution_pack(const struct ck_convolution *g, const float *weight, const float *bias, float *packed) {
    size_t terms = g->inputs * tap_count(g);
    for (size_t first = 0; first < g->outputs; first += BLOCK) {
        for (size_t o = first; o < first + BLOCK; o++) *packed++ = o < g->outputs ? bias[o] : 0;
        for (size_t term = 0; term < terms; term++)
            for (size_t o = first; o < first + BLOCK; o++) *packed++ = o < g->outputs ? weight[o * terms + term] : 0;
    }
}

void ck_convolution_pack_adjoint(const struct ck_convolution *g, const float *weight, float *packed) {
    size_t taps = tap_count(g);
    for (size_t first = 0; first < g->inputs; first += BLOCK)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t o = 0; o < g->outputs; o++)
                for (size_t i = first; i < first + BLOCK; i++)
                    *packed++ = i < g->inputs ? weight[(o * g->inputs + i) * taps + tap] : 0;
}

void ck_convolution_forward(const struct ck_convolution *g, const float *x, const float *packed, int activation,
                            float *y, int instructions) {
    const struct tiles *tiles = tiles_for(instructions);
    size_t row = g->width * CK_LANES, plane = g->height * row, step = g->stride * CK_LANES;
    size_t height = out_height(g), width = out_width(g), y_plane = height * width * CK_LANES;
    size_t block = BLOCK * (1 + g->inputs * tap_count(g));
    for (size_t r = 0; r < height; r++)
        for (size_t c = 0; c < width;) {
            size_t positions = smaller(tiles->positions, width - c);
            const float *from = x + r * g->stride * row + c * step;
            float *to = y + (r * width + c) * CK_LANES;
            for (size_t o = 0; o < g->outputs; o += tiles->channels) {
                const float *bias = packed + o / BLOCK * block + o % BLOCK;
                tiles->forward[positions](g, from, plane, row, step, bias + BLOCK, bias, to + o * y_plane, y_plane,
                                          g->outputs - o, activation);
            }
            c += positions;
        }
}

/* The outputs that read pixel `at` of an axis with `outputs` outputs and `extent` kernel positions. */
static struct taps taps_of(size_t at, size_t outputs, size_t extent, size_t stride) {
    size_t offset = at % stride, highest = at / stride;
    struct taps taps = {0, offset, highest};
    if (highest > outputs - 1) {
        taps.first += (highest - (outputs - 1)) * stride;
        taps.at = outputs - 1;
    }
    if (taps.first < extent) taps.count = smaller((extent - 1 - taps.first) / stride, taps.at) + 1;
    return taps;
}

void ck_convolution_inputs(const struct ck_convolution *g, const float *dy, const float *packed, const float *x,
                           int activation, float *dx, int instructions) {
    const struct tiles *tiles = tiles_for(instructions);
    size_t height = out_height(g), width = out_width(g), row = width * CK_LANES, plane = height * row;
    size_t x_plane = g->height * g->width * CK_LANES, block = BLOCK * tap_count(g) * g->outputs;
    for (size_t r = 0; r < g->height; r++) {
        struct taps rows = taps_of(r, height, g->kernel_height, g->stride);
        for (size_t offset = 0; offset < smaller(g->stride, g->width); offset++)
            for (size_t c = offset; c < g->width;) {
                /* Pixels a stride apart that are read by the same kernel positions, of outputs side by side. */
                struct taps columns = taps_of(c, width, g->kernel_width, g->stride);
                size_t positions = 1;
                while (positions < tiles->positions && c + positions * g->stride < g->width) {
                    struct taps next = taps_of(c + positions * g->stride, width, g->kernel_width, g->stride);
                    if (next.count != columns.count || next.first != columns.first) break;
                    positions++;
                }
                size_t at = (r * g->width + c) * CK_LANES;
                for (size_t i = 0; i < g->inputs; i += tiles->channels)
                    tiles->adjoint[positions](g, dy, plane, row, rows, columns, packed + i / BLOCK * block + i % BLOCK,
                                              x + i * x_plane + at, dx + i * x_plane + at, x_plane, g->inputs - i,
                                              activation);
                c += positions * g->stride;
            }
    }
}

CKERNEL static void add_rows(const float *dy, size_t count, float *sum) {
    float own[CK_LANES];
    memcpy(own, sum, sizeof own);
    for (size_t p = 0; p < count; p++)
        for (size_t l = 0; l < CK_LANES; l++) own[l] += dy[p * CK_LANES + l];
    memcpy(sum, own, sizeof own);
}

void ck_convolution_weights(const struct ck_convolution *g, const float *x, const float *dy, float *dw, float *db,
                            int instructions) {
    const struct tiles *tiles = tiles_for(instructions);
    size_t height = out_height(g), width = out_width(g), y_plane = height * width * CK_LANES;
    size_t row = g->width * CK_LANES, plane = g->height * row, step = g->stride * CK_LANES;
    size_t dw_step = g->inputs * tap_count(g) * CK_LANES;
    /* With few input channels a row at a time, so that its gradients are read from the first-level cache for every
       tap; with many, a channel of x at a time. */
    size_t some = g->inputs < 4 ? 1 : height;
    for (size_t first = 0; first < height; first += some)
        for (size_t o = 0; o < g->outputs;) {
            size_t channels = g->outputs - o < tiles->channels ? 1 : tiles->channels;
            for (size_t i = 0; i < g->inputs; i++)
                for (size_t r = 0; r < g->kernel_height; r++)
                    for (size_t c = 0; c < g->kernel_width;) {
                        size_t taps = g->kernel_width - c < tiles->taps ? 1 : tiles->taps;
                        weights *tile = channels == 1 ? (taps == 1 ? tiles->single : tiles->one_channel)
                                                      : (taps == 1 ? tiles->one_tap : tiles->full);
                        tile(x + i * plane + (first * g->stride + r) * row + c * CK_LANES, g->stride * row, step,
                             dy + o * y_plane + first * width * CK_LANES, y_plane, smaller(some, height - first), width,
                             dw + o * dw_step + (i * tap_count(g) + r * g->kernel_width + c) * CK_LANES, dw_step);
                        c += taps;
                    }
            o += channels;
        }
    for (size_t o = 0; o < g->outputs; o++) add_rows(dy + o * y_plane, height * width, db + o * CK_LANES);
}

CKERNEL double ck_lanes_classify(const float *x, size_t channels, size_t positions, const float *mask,
                                 const float *weight, const float *bias, size_t classes, const int *labels,
                                 float factor, int activation, float *scratch, float *dx, float *dw, float *db,
                                 size_t *correct) {
    /* pooled (channels, lanes), then scores (classes, lanes) */
    float *pooled = scratch, *scores = scratch + channels * CK_LANES;
    float share = 1.0f / (float)positions;
    flags label;
    LOAD(label, labels);
    for (size_t c = 0; c < channels; c++) {
        lanes sum = {0}, v, m;
        for (size_t p = 0; p < positions; p++) {
            size_t at = (c * positions + p) * CK_LANES;
            LOAD(v, x + at);
            if (mask) {
                LOAD(m, mask + at);
                v *= m;
            }
            sum += v;
        }
        sum *= share;
        STORE(sum, pooled + c * CK_LANES);
    }
    lanes peak;
    for (size_t k = 0; k < classes; k++) {
        lanes sum = (lanes){0} + bias[k], v;
        for (size_t c = 0; c < channels; c++) {
            LOAD(v, pooled + c * CK_LANES);
            sum += weight[k * channels + c] * v;
        }
        STORE(sum, scores + k * CK_LANES);
        peak = k == 0 ? sum : __builtin_elementwise_max(peak, sum);
    }
    /* The first of the highest scores; none where a score is not a number. */
    flags found = {0}, right = {0};
    for (size_t k = 0; k < classes; k++) {
        lanes own;
        LOAD(own, scores + k * CK_LANES);
        flags isFirst = (flags)(own == peak) & ~found;
        right |= isFirst & (flags)(label == (int)k);
        found |= isFirst;
    }
    for (size_t l = 0; l < CK_LANES; l++) *correct += right[l] != 0;
    if (!dx) return 0;
    lanes total = {0}, margin = {0};
    for (size_t k = 0; k < classes; k++) {
        lanes own;
        LOAD(own, scores + k * CK_LANES);
        own -= peak;
        margin += (lanes)((flags)own & (flags)(label == (int)k));
        STORE(own, scores + k * CK_LANES);
    }
    ck_exp(scores, scores, classes * CK_LANES);
    for (size_t k = 0; k < classes; k++) {
        lanes own;
        LOAD(own, scores + k * CK_LANES);
        total += own;
    }
    double loss = 0;
    for (size_t l = 0; l < CK_LANES; l++)
        if (label[l] >= 0) loss += (double)(logf(total[l]) - margin[l]);
    lanes scale = (lanes)((flags)(factor / total) & (flags)(label >= 0));
    for (size_t k = 0; k < classes; k++) {
        lanes own, sum;
        LOAD(own, scores + k * CK_LANES);
        own = own * scale - (lanes)((flags)((lanes){0} + factor) & (flags)(label == (int)k));
        STORE(own, scores + k * CK_LANES);
        LOAD(sum, db + k * CK_LANES);
        sum += own;
        STORE(sum, db + k * CK_LANES);
        for (size_t c = 0; c < channels; c++) {
            lanes v;
            LOAD(v, pooled + c * CK_LANES);
            LOAD(sum, dw + (k * channels + c) * CK_LANES);
            sum += own * v;
            STORE(sum, dw + (k * channels + c) * CK_LANES);
        }
    }
    for (size_t c = 0; c < channels; c++) {
        lanes own = {0}, v, m;
        for (size_t k = 0; k < classes; k++) {
            LOAD(v, scores + k * CK_LANES);
            own += weight[k * channels + c] * v;
        }
        own *= share;
        for (size_t p = 0; p < positions; p++) {
            size_t at = (c * positions + p) * CK_LANES;
            lanes gradient = own;
            LOAD(v, x + at);
            if (mask) {
                LOAD(m, mask + at);
                gradient *= m;
            }
            multiply_by_slope(&gradient, &v, activation);
            STORE(gradient, dx + at);
        }
    }
    return loss;
}

CKERNEL void ck_lanes_sum(const float *x, size_t count, float *y) {
    for (size_t i = 0; i < count; i++, x += CK_LANES) {
        float sum[CK_LANES];
        memcpy(sum, x, sizeof sum);
        UNROLL for (int width = CK_LANES / 2; width > 0; width /= 2)
            UNROLL for (int l = 0; l < width; l++) sum[l] += sum[l + width];
        y[i] = sum[0];
    }
}

typedef unsigned char bytes __attribute__((vector_size(16)));

CKERNEL void ck_lanes_pictures(const unsigned char *pictures, size_t size, const int *numbers, size_t count,
                               float factor, float *x) {
    const unsigned char *from[CK_LANES];
    for (size_t l = 0; l < CK_LANES; l++) from[l] = pictures + (size_t)numbers[l < count ? l : 0] * size;
    size_t i = 0;
    for (; i + 16 <= size; i += 16, x += 16 * CK_LANES) {
        /* Four perfect shuffles of 256 bytes exchange rows and columns. */
        bytes a[16], b[16];
        UNROLL for (int l = 0; l < 16; l++) memcpy(&a[l], from[l] + i, sizeof a[l]);
        UNROLL for (int round = 0; round < 4; round++) {
            UNROLL for (int l = 0; l < 8; l++) {
                b[2 * l] = __builtin_shufflevector(a[l], a[l + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7,
                                                   23);
                b[2 * l + 1] = __builtin_shufflevector(a[l], a[l + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                                                       30, 15, 31);
            }
            UNROLL for (int l = 0; l < 16; l++) a[l] = b[l];
        }
        for (int p = 0; p < 16; p++)
            for (int l = 0; l < CK_LANES; l++) x[p * CK_LANES + l] = (float)a[p][l] * factor;
    }
    for (; i < size; i++, x += CK_LANES)
        for (int l = 0; l < CK_LANES; l++) x[l] = (float)from[l][i] * factor;
}

void ck_dropout(uint64_t seed, float rate, float *mask, size_t count) {
    const uint32_t threshold = (uint32_t)(rate * 65536.0f + 0.5f);
    const float kept = 65536.0f / (float)(65536 - (threshold < 65536 ? threshold : 65535));
    for (size_t i = 0; i < count; i += 4) {
        /* SplitMix64 */
        uint64_t mixed = seed += 0x9E3779B97F4A7C15u;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
        mixed ^= mixed >> 31;
        for (size_t part = i; part < i + 4 && part < count; part++, mixed >>= 16)
            mask[part] = (mixed & 0xFFFF) < threshold ? 0.0f : kept;
    }
}
