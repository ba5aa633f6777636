/* Elementwise and row-wise loops that are worth a vectoriser. Plain C: no state, no allocation.
   On x86-64 every function is compiled for AVX2+FMA and for the baseline, and the loader picks by processor. */
#pragma once
#include <stddef.h>

#if defined(__x86_64__) && defined(__ELF__)
#define CKERNEL __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CKERNEL
#endif

/* y[i] = 0.5 x (1 + erf(x / sqrt 2)); absolute error of erf below 2e-7. x may be y. */
void ck_gelu(const float *x, float *y, size_t count);
/* y[i] = exp(x[i]); relative error below 2e-7 for x in [-87, 88]; x below gives 0. */
void ck_exp(const float *x, float *y, size_t count);
/* s[i] = sin(x[i]), c[i] = cos(x[i]); absolute error below 2e-7 for |x| <= 8192, the C library beyond. */
void ck_sincos(const float *x, float *s, float *c, size_t count);
/* y = softmax(scale * x) over one row; x may be y. */
void ck_softmax(const float *x, float *y, size_t count, float scale);
/* Mean and sum of squared deviations of one row. */
void ck_moments(const float *x, size_t count, float *mean, float *squares);
/* y = (x - mean) * factor * gamma + beta over one row. */
void ck_affine(const float *x, float *y, size_t count, float mean, float factor, const float *gamma, const float *beta);
/* y += x */
void ck_add(const float *x, float *y, size_t count);
/* y += factor * x */
void ck_add_scaled(const float *x, float *y, size_t count, float factor);
/* sum += x, in float64. */
void ck_accumulate(const float *x, double *sum, size_t count);
/* y = sum * factor, rounded to float32. */
void ck_store(const double *sum, float *y, size_t count, double factor);
/* y = weight x + bias, weight row-major, terms summed in order. */
void ck_matrix_vector(const float *weight, const float *x, const float *bias, float *y, size_t rows, size_t columns);
