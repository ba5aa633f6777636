/* Loops over float32 arrays that the compiler vectorises, and matrix products. No function allocates memory or keeps
   state. Arrays may overlap only where a comment says so. A `step` is the number of floats from the start of a row (or
   block) to the start of the next.
   On x86-64 every function marked CKERNEL is compiled for AVX-512, AVX2 with FMA, and the baseline; the dynamic loader
   chooses by processor. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
/* The loader would run instrumented code before the thread sanitizer is initialised. */
#define CKERNEL_ONCE
#endif
#endif
#if defined(__x86_64__) && defined(__ELF__) && !defined(CKERNEL_ONCE)
#define CKERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CKERNEL
#endif

/* Tells the processor that this thread is spinning. */
static inline void ck_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* y[i] = x[i] * Phi(x[i]), Phi the distribution function of the standard normal; absolute error below 2e-7 * max(1,
   |x|). x may be y. */
void ck_gelu(const float *x, float *y, size_t count);
/* y[i] = exp(x[i]); relative error below 2e-7 for x in [-87, 88]; 0 for x below -87.34, the value at 88 for x above 88.
   x may be y. */
void ck_exp(const float *x, float *y, size_t count);
/* y[i] = max(x[i], 0); x may be y. */
void ck_relu(const float *x, float *y, size_t count);
/* y[i] = 1 / (1 + exp(-x[i])); relative error below 3e-7 for x in [-80, 80]. x may be y. */
void ck_sigmoid(const float *x, float *y, size_t count);
/* s[i] = sin(x[i]), c[i] = cos(x[i]); absolute error below 2e-7. Where any |x[i]| is above 8192 or not a number, all
   elements are computed by the C library. x may be s. */
void ck_sincos(const float *x, float *s, float *c, size_t count);
/* With a = (y[row][i] + bias[i]) * omega0: y[row][i] = sin(a), slope[row][i] = omega0 * cos(a), as ck_sincos. Rows are
   contiguous. */
void ck_sine_layer(const float *bias, float omega0, float *y, float *slope, size_t rows, size_t columns);
/* y[i] = sin(x[i]), as ck_sincos; x may be y. */
void ck_sin(const float *x, float *y, size_t count);
/* y[i] = exp(scale * x[i]) / sum over j of exp(scale * x[j]); x may be y. */
void ck_softmax(const float *x, float *y, size_t count, float scale);
/* *mean = sum of x[i] / count; *squares = sum of (x[i] - mean)^2. */
void ck_moments(const float *x, size_t count, float *mean, float *squares);
/* y[row][i] = (x[row][i] - mean) / divisor * gamma[i] + beta[i], with mean and squares of the row as ck_moments;
   divisor = sqrt(squares / (count - 1)) + 1e-5 where `unbiased`, else sqrt(squares / count + 1e-5). */
void ck_normalize(const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t count, int unbiased,
                  const float *gamma, const float *beta);
/* y[i] += x[i] */
void ck_add(const float *x, float *y, size_t count);
/* y[i] = mean over rows of x[row][i], summed in order in float64. */
void ck_mean_row(const float *x, size_t x_step, size_t rows, float *y, size_t count);
/* y[i] = the largest x[row][i]. */
void ck_max_rows(const float *x, size_t x_step, size_t rows, float *y, size_t count);
/* dx[row][i] += dy[i] for the first row where x[row][i] is y[i], the result of ck_max_rows. */
void ck_max_rows_adjoint(const float *x, size_t x_step, size_t rows, const float *y, const float *dy, float *dx,
                         size_t dx_step, size_t count);
/* y[i] += factor * x[i], rounded twice: not a fused multiply-add. */
void ck_add_scaled(const float *x, float *y, size_t count, float factor);
/* sum[i] += x[i], in float64. */
void ck_accumulate(const float *x, double *sum, size_t count);
/* y[i] = sum[i] * factor, rounded to float32. */
void ck_store(const double *sum, float *y, size_t count, double factor);
/* y[block][i] = x[block][i], or +=, for `count` blocks of `width` floats. x_step may be 0: the same block each time. */
void ck_copy_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count);
void ck_add_blocks(const float *x, size_t x_step, float *y, size_t y_step, size_t width, size_t count);
/* y[i] += sum over rows of x[row][i], added in order. */
void ck_add_rows(const float *x, size_t x_step, size_t rows, float *y, size_t count);
/* A token has an entry for each neuron, `parts` blocks of `width` floats one after the other: that of token t for neuron n
   begins at x + t * token_step + n * neuron_step. y[part][t][n * width + i] = x[entry][part * width + i]; y has y_step
   floats from token to token, part_step from part to part. */
void ck_gather_entries(const float *x, size_t token_step, size_t neuron_step, size_t tokens, size_t neurons,
                       size_t parts, size_t width, float *y, size_t part_step, size_t y_step);
/* The reverse: y[entry][part * width + i] = x[part][t][n * width + i], or += where accumulating. */
void ck_scatter_entries(const float *x, size_t part_step, size_t x_step, size_t parts, size_t width, float *y,
                        size_t token_step, size_t neuron_step, size_t tokens, size_t neurons, int accumulating);

/* Instruction sets that the products below are compiled for. */
enum { CK_PLAIN, CK_MIDDLE /* AVX2 and FMA */, CK_WIDE /* AVX-512 */ };
/* The last of them that this processor supports. */
int ck_best_instructions(void);
/* Outputs of one panel of a packed affine map. */
enum { CK_PANEL = 32 };
/* Size of a packed affine map in floats. */
size_t ck_packed_count(size_t outputs, size_t inputs);
/* Copies weight (outputs, inputs) and bias (outputs), zeros where it is null, in the order in which ck_multiply_packed
   reads them: for each panel its biases, then for each input the weights of its outputs. The last panel is filled up
   with zeros. */
void ck_pack(const float *weight, size_t step, const float *bias, size_t outputs, size_t inputs, float *packed);
/* y = x weight^T + bias, or y = base + x weight^T + bias where base is not null; x (rows, inputs), y and base (rows,
   outputs); base may be y. */
void ck_multiply_packed(const float *x, size_t x_step, size_t rows, const float *packed, size_t outputs, size_t inputs,
                        float *y, size_t y_step, const float *base, size_t base_step, int instructions);

/* y = x z, or y = x^T z where transposed, or y += where accumulating; x (rows, depth), or (depth, rows) where
   transposed; z (depth, columns); y (rows, columns). */
void ck_multiply_matrices(const float *x, size_t x_step, int transposed, size_t rows, const float *z, size_t z_step,
                          size_t columns, size_t depth, float *y, size_t y_step, int accumulating, int instructions);

/* y = x z^T, or y += where accumulating; x (rows, depth), z (columns, depth), y (rows, columns). */
void ck_multiply_rows(const float *x, size_t x_step, size_t rows, const float *z, size_t z_step, size_t columns,
                      size_t depth, float *y, size_t y_step, int accumulating, int instructions);
/* The same, for short scalar products: rows of z are copied as columns, then tiles of y are computed as in
   ck_multiply_matrices. */
void ck_multiply_transposed(const float *x, size_t x_step, size_t rows, const float *z, size_t z_step, size_t columns,
                            size_t depth, float *y, size_t y_step, int accumulating, int instructions);

/* For backward passes. */

/* y[i] = gelu(x[i]) as ck_gelu, slope[i] = gelu'(x[i]); x may be y. */
void ck_gelu_slope(const float *x, float *y, float *slope, size_t count);
/* y[i] *= x[i] */
void ck_multiply(const float *x, float *y, size_t count);
/* y[i] += a[i] * b[i] */
void ck_add_product(const float *a, const float *b, float *y, size_t count);
/* y[i] = factor * x[i], or += where accumulating; x may be y. */
void ck_contribute(const float *x, float *y, size_t count, float factor, int accumulating);
/* The gradient of s for p = softmax(scale * s): dp[i] = scale * p[i] * (dp[i] - sum over j of p[j] dp[j]), in place of
   dp. */
void ck_softmax_adjoint(const float *p, float *dp, size_t count, float scale);
/* Gradients of ck_normalize. For a row, with factor = 1 / divisor, g = dy * gamma, d = x - mean and c = 1 / (count - 1) /
   deviation where `unbiased` (0 where the deviation is 0), else factor / count: dx[i] = factor * (g[i] - mean of g) -
   c * factor^2 * d[i] * sum(g d), plus base[i] where base is not null. Over all rows dgamma[i] += dy[i] * d[i] * factor,
   and dbeta[i] += dy[i]. dx, dgamma and dbeta may be null; base may be dx. */
void ck_norm_adjoint(const float *x, size_t x_step, const float *dy, size_t dy_step, size_t rows, size_t count,
                     int unbiased, const float *gamma, float *dx, size_t dx_step, const float *base, size_t base_step,
                     float *dgamma, float *dbeta);
/* Sum of x[i]^2, in float64. */
double ck_sum_squares(const float *x, size_t count);
/* One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) on parameters x: with g = gradient_factor * gradient, m =
   beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, x -= rate * (m correction1 / (sqrt(v correction2) + epsilon)
   + decay x). correction1 = 1 / (1 - beta1^t) and correction2 = 1 / (1 - beta2^t) in step t. */
void ck_adamw(float *x, const float *gradient, float *m, float *v, size_t count, float rate, float beta1, float beta2,
              float epsilon, float decay, float correction1, float correction2, float gradient_factor);
/* average[i] += share * (x[i] - average[i]) */
void ck_blend(const float *x, float *average, size_t count, float share);

/* Convolutions without padding, for CK_LANES pictures at a time: pixels are (channels, height, width, lanes), a picture
   in each lane; weights are (outputs, inputs, kernel_height, kernel_width). */
enum { CK_LANES = 16 };
enum { CK_IDENTITY, CK_RELU, CK_TANH };
struct ck_convolution {
    /* Channels and pixels of x; the kernel fits into them. */
    size_t inputs, height, width;
    /* Channels of y, which has (height - kernel_height) / stride + 1 rows, and columns alike. */
    size_t outputs, kernel_height, kernel_width;
    size_t stride;
};
/* Size of packed weights in floats; `adjoint`: those for ck_convolution_inputs. */
size_t ck_convolution_packed_count(const struct ck_convolution *shape, int adjoint);
void ck_convolution_pack(const struct ck_convolution *shape, const float *weight, const float *bias, float *packed);
void ck_convolution_pack_adjoint(const struct ck_convolution *shape, const float *weight, float *packed);
/* y = activation(weight * x + bias) */
void ck_convolution_forward(const struct ck_convolution *shape, const float *x, const float *packed, int activation,
                            float *y, int instructions);
/* dx = the gradient of what x was before the activation that it is a result of; dy is the gradient of y before its
   own activation. */
void ck_convolution_inputs(const struct ck_convolution *shape, const float *dy, const float *packed, const float *x,
                           int activation, float *dx, int instructions);
/* dw[i][lane] += the gradient of weight i by the lane's picture, db[i][lane] that of a bias. */
void ck_convolution_weights(const struct ck_convolution *shape, const float *x, const float *dy, float *dw, float *db,
                            int instructions);
/* Global average pooling of x (channels, positions, lanes), multiplied by mask where there is one, then scores = weight
   pooled + bias; weight (classes, channels). Adds to *correct the lanes whose first highest score is that of their
   label; a label below 0 marks a lane without a picture. Without dx that is all and the result is 0; else the result is
   the sum of the cross-entropies, dw (classes, channels, lanes) and db (classes, lanes) += their gradients times
   factor, and dx = that of what x was before its activation. scratch has (channels + classes) * CK_LANES floats. */
double ck_lanes_classify(const float *x, size_t channels, size_t positions, const float *mask, const float *weight,
                         const float *bias, size_t classes, const int *labels, float factor, int activation,
                         float *scratch, float *dx, float *dw, float *db, size_t *correct);
/* y[i] = sum over lanes of x[i][lane], added up pairwise. */
void ck_lanes_sum(const float *x, size_t count, float *y);
/* x[i][lane] = factor * byte i of picture numbers[lane]; pictures have `size` bytes each. Lanes from `count` on, of
   which there are fewer than CK_LANES, get the first picture. */
void ck_lanes_pictures(const unsigned char *pictures, size_t size, const int *numbers, size_t count, float factor,
                       float *x);
/* mask[i] = 0 with probability rate, a multiple of 2^-16 below 1, otherwise 1 / (1 - rate); equal seeds give equal masks. */
void ck_dropout(uint64_t seed, float rate, float *mask, size_t count);
/* One step of RMSprop: v = decay v + (1 - decay) gradient^2, x -= rate gradient / (sqrt(v) + epsilon). */
void ck_rmsprop(float *x, const float *gradient, float *v, size_t count, float rate, float decay, float epsilon);
