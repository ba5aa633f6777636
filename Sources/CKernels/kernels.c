#include "ckernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Tells the compiler that iterations are independent: each reads and writes at its own index only, so x and y may be
   the same array. Otherwise it would check for overlap at run time and run scalar code where they are the same. */
#define ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")

/* Coefficients below are least-squares fits in float64 over Chebyshev nodes of the stated range;
   the error bounds in the header are asserted by the tests of the Engine target. */

static inline float exp_approx(float x) {
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

/* The upper tail 1 - Phi(a) of the standard normal for a >= 0, as exp(-Q(a)) with a polynomial Q: relative error below
   1e-6 for a <= 3, absolute error below 1e-8 beyond. Q increases, so the tail falls to 0. */
static inline float tail_approx(float a) {
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
static inline void sincos_approx(float v, float *sine_out, float *cosine_out) {
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
static inline int any_beyond(const float *x, size_t count) {
    int beyond = 0;
    for (size_t i = 0; i < count; i++) beyond |= !(fabsf(x[i]) <= 8192.0f);
    return beyond;
}

CKERNEL void ck_sincos(const float *x, float *s, float *c, size_t count) {
    if (any_beyond(x, count)) {
        for (size_t i = 0; i < count; i++) {
            float v = x[i];
            s[i] = sinf(v);
            c[i] = cosf(v);
        }
        return;
    }
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float sine, cosine;
        sincos_approx(x[i], &sine, &cosine);
        s[i] = sine;
        c[i] = cosine;
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

CKERNEL void ck_softmax(const float *x, float *y, size_t count, float scale) {
    float peak = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        float v = x[i] * scale;
        peak = v > peak ? v : peak;
    }
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        /* A statement of its own, so that product and subtraction are not fused: v is then rounded as `peak` was, the
           largest difference is exactly 0, and large scores cannot all underflow. */
        float v = x[i] * scale;
        y[i] = exp_approx(v - peak);
    }
    /* In float64, because an error of the sum would change the whole row by the same factor. */
    double sum = 0.0;
    {
#pragma clang fp reassociate(on)
        for (size_t i = 0; i < count; i++) sum += (double)y[i];
    }
    float factor = (float)(1.0 / sum);
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] *= factor;
}

static inline void moments(const float *x, size_t count, float *mean, float *squares) {
#pragma clang fp reassociate(on)
    float sum = 0.0f;
    for (size_t i = 0; i < count; i++) sum += x[i];
    float m = sum / (float)count;
    float total = 0.0f;
    for (size_t i = 0; i < count; i++) {
        float d = x[i] - m;
        total += d * d;
    }
    *mean = m;
    *squares = total;
}

CKERNEL void ck_moments(const float *x, size_t count, float *mean, float *squares) { moments(x, count, mean, squares); }

CKERNEL void ck_normalize(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t count,
                          int unbiased, const float *gamma, const float *beta) {
/* Rounded after every operation, as PyTorch does: pictures that are drawn from latents amplify any difference. */
#pragma clang fp contract(off)
    for (size_t row = 0; row < rows; row++, x += x_step, y += y_step) {
        float mean, squares;
        moments(x, count, &mean, &squares);
        float factor = unbiased ? 1.0f / (sqrtf(squares / (float)(count - 1)) + 1e-5f)
                                : 1.0f / sqrtf(squares / (float)count + 1e-5f);
        ELEMENTWISE
        for (size_t i = 0; i < count; i++) y[i] = (x[i] - mean) * factor * gamma[i] + beta[i];
    }
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

CKERNEL void ck_matrix_vector(const float *weight, const float *x, const float *bias, float *y, size_t rows,
                              size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        const float *w = weight + row * columns;
        /* The terms are added in order: a sine network with an omega0 of 30 amplifies the rounding differences of
           another. */
        float sum = 0.0f;
        for (size_t i = 0; i < columns; i++) sum += w[i] * x[i];
        y[row] = sum + bias[row];
    }
}

CKERNEL void ck_copy_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count) {
    /* The usual widths of heads: copies of constant size are inlined; calling memcpy would take longer than copying. */
    switch (width) {
    case 8:
        for (size_t block = 0; block < count; block++) memcpy(y + block * y_step, x + block * x_step, 8 * sizeof *x);
        break;
    case 16:
        for (size_t block = 0; block < count; block++) memcpy(y + block * y_step, x + block * x_step, 16 * sizeof *x);
        break;
    default:
        for (size_t block = 0; block < count; block++) memcpy(y + block * y_step, x + block * x_step, width * sizeof *x);
    }
}

CKERNEL void ck_add_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count) {
    for (size_t block = 0; block < count; block++) {
        const float *from = x + block * x_step;
        float *to = y + block * y_step;
        ELEMENTWISE
        for (size_t i = 0; i < width; i++) to[i] += from[i];
    }
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
    float sum = 0.0f;
    {
#pragma clang fp reassociate(on)
        for (size_t i = 0; i < count; i++) sum += p[i] * dp[i];
    }
    ELEMENTWISE
    for (size_t i = 0; i < count; i++) dp[i] = p[i] * (dp[i] - sum) * scale;
}

CKERNEL void ck_norm_adjoint(const float *x, const float *dy, const float *gamma, size_t count, float mean, float factor,
                             float curvature, float *dx, int accumulating, float *dgamma, float *dbeta) {
    float sum = 0.0f, projected = 0.0f;
    {
#pragma clang fp reassociate(on)
        for (size_t i = 0; i < count; i++) {
            float g = dy[i] * gamma[i];
            sum += g;
            projected += g * (x[i] - mean);
        }
    }
    float offset = sum / (float)count;
    float pull = projected * factor * curvature;
    if (dgamma) {
        ELEMENTWISE
        for (size_t i = 0; i < count; i++) {
            dgamma[i] += dy[i] * ((x[i] - mean) * factor);
            dbeta[i] += dy[i];
        }
    }
    if (!dx) return;
    if (accumulating) {
        ELEMENTWISE
        for (size_t i = 0; i < count; i++)
            dx[i] += factor * (dy[i] * gamma[i] - offset) - pull * ((x[i] - mean) * factor);
    } else {
        ELEMENTWISE
        for (size_t i = 0; i < count; i++)
            dx[i] = factor * (dy[i] * gamma[i] - offset) - pull * ((x[i] - mean) * factor);
    }
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
