/* INNA on the double well J(x, y) = x^4 - 4 x^2 + y^2, written by hand: the rival of the fused kernel.

   The same work: starts from Philox-4x32-10 and Box-Muller, the same update with its coefficients computed
   once, the first step with |x| >= level, the place of rest.  LANES runs advance together in an inner SIMD
   loop, time outside it, blocks of runs on threads.  LANES is chosen by the build. */

#include <math.h>
#include <stdint.h>

#ifndef LANES
#define LANES 16
#endif
#define CHECK 16

static void philox(uint64_t c[4], uint64_t k0, uint64_t k1) {
    for (int round = 0; round < 10; round++) {
        uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
        uint64_t n0 = (b >> 32) ^ c[1] ^ k0, n2 = (a >> 32) ^ c[3] ^ k1;
        c[0] = n0, c[1] = b & 0xFFFFFFFFull, c[2] = n2, c[3] = a & 0xFFFFFFFFull;
        k0 = (k0 + 0x9E3779B9ull) & 0xFFFFFFFFull, k1 = (k1 + 0xBB67AE85ull) & 0xFFFFFFFFull;
    }
}

static double unit(uint64_t high, uint64_t low) { return (double)((high >> 5) * 67108864ull + (low >> 6) + 1) * 0x1p-53; }

/* alpha, beta, gamma as in theta' = theta + gamma ((1/beta - alpha) theta - psi/beta - beta grad), psi' likewise without grad. */
void rival(int64_t *out, int64_t *rest, uint64_t seed, int64_t first, int64_t count, int64_t steps, int64_t linger, double scale,
           double level, double alpha, double beta, double gamma, double reach, int threads) {
    const double a = gamma * (1 / beta - alpha), b = -gamma / beta;
    const double cubic = -4 * gamma * beta, linear = 1 + a + 8 * gamma * beta, quiet = 1 + a - 2 * gamma * beta, stay = 1 + b;
    const double place[3] = {-sqrt(2.0), 0.0, sqrt(2.0)};

#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t block = 0; block < (count + LANES - 1) / LANES; block++) {
        double x[LANES], y[LANES], u[LANES], v[LANES];
        int64_t waited[LANES], inside[LANES];
        for (int l = 0; l < LANES; l++) {
            uint64_t run = (uint64_t)(first + block * LANES + l);
            uint64_t c[4] = {run & 0xFFFFFFFFull, run >> 32, 0, 0};
            philox(c, seed & 0xFFFFFFFFull, seed >> 32);
            double radius = sqrt(-2 * log(unit(c[0], c[1]))), angle = 6.283185307179586 * unit(c[2], c[3]);
            x[l] = scale * radius * cos(angle), y[l] = scale * radius * sin(angle);
            u[l] = (1 - alpha * beta) * x[l], v[l] = (1 - alpha * beta) * y[l];
            waited[l] = 0, inside[l] = !(fabs(x[l]) >= level);
        }
        int64_t k = 0, left = 1;
        while (left && k < steps) {
            for (int j = 0; j < CHECK; j++) {
#pragma omp simd
                for (int l = 0; l < LANES; l++) {
                    waited[l] += inside[l];
                    double nx = b * u[l] + x[l] * (cubic * (x[l] * x[l]) + linear), ny = b * v[l] + quiet * y[l];
                    u[l] = a * x[l] + stay * u[l], v[l] = a * y[l] + stay * v[l];
                    x[l] = nx, y[l] = ny;
                    inside[l] &= !(fabs(nx) >= level);
                }
            }
            k += CHECK, left = 0;
            for (int l = 0; l < LANES; l++) left += inside[l];
        }
        for (int64_t j = 0; j < linger; j++) {
#pragma omp simd
            for (int l = 0; l < LANES; l++) {
                double nx = b * u[l] + x[l] * (cubic * (x[l] * x[l]) + linear), ny = b * v[l] + quiet * y[l];
                u[l] = a * x[l] + stay * u[l], v[l] = a * y[l] + stay * v[l];
                x[l] = nx, y[l] = ny;
            }
        }
        for (int l = 0; l < LANES && block * LANES + l < count; l++) {
            int64_t index = block * LANES + l, found = -1;
            out[index] = inside[l] || waited[l] > steps ? -1 : waited[l];
            for (int p = 0; p < 3; p++)
                if ((x[l] - place[p]) * (x[l] - place[p]) + y[l] * y[l] <= reach * reach) found = p;
            if (!isfinite(x[l] + y[l] + u[l] + v[l])) found = -2;
            rest[index] = found;
        }
    }
}
