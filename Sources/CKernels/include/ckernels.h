/* Elementwise and row-wise loops that are worth a vectoriser. Plain C: no state, no allocation.
   On x86-64 every function is compiled for AVX2+FMA and for the baseline, and the loader picks by processor. */
#pragma once
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
/* The loader picks before the sanitizer is ready to watch. */
#define CKERNEL_ONCE
#endif
#endif
#if defined(__x86_64__) && defined(__ELF__) && !defined(CKERNEL_ONCE)
#define CKERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CKERNEL
#endif

/* Tells the processor that this thread waits for another. */
static inline void ck_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* y[i] = x times the share of a normal distribution below x; error below 2e-7, or 2e-7 |x| where x is above 1. x may be y. */
void ck_gelu(const float *x, float *y, size_t count);
/* y[i] = exp(x[i]), as softmax and the others use it; relative error below 2e-7 for x in [-87, 88]; x below gives 0. */
void ck_exp(const float *x, float *y, size_t count);
/* y[i] = max(x[i], 0) */
void ck_relu(const float *x, float *y, size_t count);
/* y[i] = 1 / (1 + exp(-x[i])); relative error below 3e-7 for x in [-80, 80]. */
void ck_sigmoid(const float *x, float *y, size_t count);
/* s[i] = sin(x[i]), c[i] = cos(x[i]); absolute error below 2e-7 for |x| <= 8192, the C library beyond. */
void ck_sincos(const float *x, float *s, float *c, size_t count);
/* y[i] = sin(x[i]), as ck_sincos. */
void ck_sin(const float *x, float *y, size_t count);
/* y = softmax(scale * x) over one row; x may be y. */
void ck_softmax(const float *x, float *y, size_t count, float scale);
/* Mean and sum of squared deviations of one row. */
void ck_moments(const float *x, size_t count, float *mean, float *squares);
/* Rows of y = (x - mean) / deviation * gamma + beta. The deviation is that of a sample plus 1e-5 where `unbiased`, else
   the root of the variance plus 1e-5. Rows lie a step apart. */
void ck_normalize(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t count, int unbiased,
                  const float *gamma, const float *beta);
/* y += x */
void ck_add(const float *x, float *y, size_t count);
/* y = mean of rows that lie a step apart, summed in order in float64. */
void ck_mean_row(const float *x, size_t x_step, size_t rows, float *y, size_t count);
/* y += factor * x */
void ck_add_scaled(const float *x, float *y, size_t count, float factor);
/* sum += x, in float64. */
void ck_accumulate(const float *x, double *sum, size_t count);
/* y = sum * factor, rounded to float32. */
void ck_store(const double *sum, float *y, size_t count, double factor);
/* y = weight x + bias, weight row-major, terms summed in order. */
void ck_matrix_vector(const float *weight, const float *x, const float *bias, float *y, size_t rows, size_t columns);
/* y block = x block, `count` blocks of `width` that lie a step apart; and y block += x block. x_step may
   be 0. */
void ck_copy_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count);
void ck_add_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count);

/* Which instructions the products below use. */
enum { CK_PLAIN, CK_MIDDLE /* AVX2 and FMA */, CK_WIDE /* AVX-512 */ };
/* The best that this processor has. */
int ck_best_instructions(void);
/* Columns of one panel of a packed matrix. */
enum { CK_PANEL = 32 };
/* Floats of a packed affine map. */
size_t ck_packed_count(size_t outputs, size_t inputs);
/* Packs weight (outputs x inputs, rows a step apart) with bias, which may be null, for ck_multiply_packed. */
void ck_pack(const float *weight, size_t step, const float *bias, size_t outputs, size_t inputs, float *packed);
/* y = x weight^T + bias, or y += where accumulating; x (rows, inputs) and y (rows, outputs), rows a step apart. */
void ck_multiply_packed(const float *x, size_t x_step, size_t rows, const float *packed, size_t outputs, size_t inputs,
                        float *y, size_t y_step, int accumulating, int instructions);

/* y = x z, or y += where accumulating; x (rows, depth), or (depth, rows) where transposed, z (depth, columns), y (rows,
   columns), rows a step apart. */
void ck_multiply_matrices(const float *x, size_t x_step, int transposed, size_t rows, const float *z, size_t z_step,
                          size_t columns, size_t depth, float *y, size_t y_step, int accumulating, int instructions);

/* y = x z^T; x (rows, depth), z (columns, depth), rows a step apart. */
void ck_multiply_rows(const float *x, size_t x_step, size_t rows, const float *z, size_t z_step, size_t columns,
                      size_t depth, float *y, size_t y_step, int accumulating, int instructions);

/* Adjoints: what a function's derivative does to the gradient of its result. */

/* y = gelu(x) as above and slope = its derivative; x may be y. */
void ck_gelu_slope(const float *x, float *y, float *slope, size_t count);
/* y *= x */
void ck_multiply(const float *x, float *y, size_t count);
/* y += a * b */
void ck_add_product(const float *a, const float *b, float *y, size_t count);
/* y = factor * x, or += where accumulating. */
void ck_contribute(const float *x, float *y, size_t count, float factor, int accumulating);
/* scores' gradient from that of their softmax: s = p (dp - sum p dp) * scale, in place of dp. */
void ck_softmax_adjoint(const float *p, float *dp, size_t count, float scale);
/* One row of y = (x - mean) * factor * gamma + beta. dx (or nothing where null) is set or added to; dgamma and dbeta are
   added to. `curvature` times sum(dy gamma xhat) is the share of xhat in dx. */
void ck_norm_adjoint(const float *x, const float *dy, const float *gamma, size_t count, float mean, float factor,
                     float curvature, float *dx, int accumulating, float *dgamma, float *dbeta);
/* Sum of squares, in float64. */
double ck_sum_squares(const float *x, size_t count);
/* One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101): `correction1` and `correction2` are 1 / (1 - beta^t). */
void ck_adamw(float *x, const float *gradient, float *m, float *v, size_t count, float rate, float beta1, float beta2,
              float epsilon, float decay, float correction1, float correction2, float gradient_factor);
/* average += share * (x - average) */
void ck_blend(const float *x, float *average, size_t count, float share);
