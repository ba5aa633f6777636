#include "ckernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Coefficients below are least-squares fits in float64 over Chebyshev nodes of the stated range;
   the error bounds in the header are asserted by the tests of the Engine target. */

static inline float erf_approx(float x) {
    /* x P(x^2) / Q(x^2) on |x| <= 3.95, where erf reaches 1 in float32. */
    const float limit = 3.95f;
    float a = x < -limit ? -limit : (x > limit ? limit : x);
    float z = a * a;
    float p = 2.011746928e-06f;
    p = p * z + 2.875986255e-04f;
    p = p * z + 3.917253424e-03f;
    p = p * z + 5.320686577e-02f;
    p = p * z + 1.940342621e-01f;
    p = p * z + 1.128379006e+00f;
    float q = 3.783964946e-05f;
    q = q * z + 1.198184066e-03f;
    q = q * z + 1.527057588e-02f;
    q = q * z + 1.155901566e-01f;
    q = q * z + 5.052898760e-01f;
    q = q * z + 1.0f;
    return a * p / q;
}

CKERNEL void ck_gelu(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float v = x[i];
        y[i] = 0.5f * v * (1.0f + erf_approx(v * 0.70710678118654752f));
    }
}

static inline float exp_approx(float x) {
    const float lowest = -87.33654f, highest = 88.0f;
    float a = x < lowest ? lowest : (x > highest ? highest : x);
    /* Adding and subtracting 1.5 * 2^23 rounds to the nearest integer. */
    float shifted = a * 1.44269504f + 12582912.0f;
    int32_t bits;
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
    int32_t scale_bits = (bits + 127) << 23;
    float scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return x < lowest ? 0.0f : e * scale;
}

CKERNEL void ck_exp(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = exp_approx(x[i]);
}

CKERNEL void ck_sincos(const float *x, float *s, float *c, size_t count) {
    int beyond = 0;
    for (size_t i = 0; i < count; i++) {
        float v = x[i];
        beyond |= !(fabsf(v) <= 8192.0f);
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
        s[i] = (quadrant & 2) ? -s0 : s0;
        c[i] = ((quadrant + 1) & 2) ? -c0 : c0;
    }
    if (beyond) {
        for (size_t i = 0; i < count; i++) {
            if (!(fabsf(x[i]) <= 8192.0f)) {
                s[i] = sinf(x[i]);
                c[i] = cosf(x[i]);
            }
        }
    }
}

CKERNEL void ck_softmax(const float *x, float *y, size_t count, float scale) {
    float peak = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        float v = x[i] * scale;
        peak = v > peak ? v : peak;
    }
    float sum = 0.0f;
    {
#pragma clang fp reassociate(on)
        for (size_t i = 0; i < count; i++) {
            float e = exp_approx(x[i] * scale - peak);
            y[i] = e;
            sum += e;
        }
    }
    float factor = 1.0f / sum;
    for (size_t i = 0; i < count; i++) y[i] *= factor;
}

CKERNEL void ck_moments(const float *x, size_t count, float *mean, float *squares) {
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

CKERNEL void ck_affine(const float *x, float *y, size_t count, float mean, float factor, const float *gamma,
                       const float *beta) {
    for (size_t i = 0; i < count; i++) y[i] = (x[i] - mean) * factor * gamma[i] + beta[i];
}

CKERNEL void ck_add(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

CKERNEL void ck_add_scaled(const float *x, float *y, size_t count, float factor) {
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
}

CKERNEL float ck_sum(const float *x, size_t count) {
#pragma clang fp reassociate(on)
    float sum = 0.0f;
    for (size_t i = 0; i < count; i++) sum += x[i];
    return sum;
}
