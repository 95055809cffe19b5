"""The JAX rival, in a process of its own: jit(vmap(scan)) of INNA on the double well, timed on request.

Reads lines ``runs steps exits unroll``, answers ``wall-seconds process-seconds`` after the first call of a shape has compiled.
"""

import os
import sys
import time

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])

import jax  # noqa: E402 - counts the processors when it is imported
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

jax.config.update("jax_enable_x64", True)
ALPHA, BETA, GAMMA, LEVEL = (float(w) for w in sys.argv[2:6])


def step(theta, psi):
    x, y = theta
    common = (1 / BETA - ALPHA) * theta - psi / BETA
    gradient = jnp.stack([4 * x**3 - 8 * x, 2 * y])
    return theta + GAMMA * (common - BETA * gradient), psi + GAMMA * common


def path(theta, steps, exits, unroll):
    psi = (1 - ALPHA * BETA) * theta

    def plain(carry, _):
        return step(*carry), None

    def tested(carry, _):
        theta, psi, inside, waited = carry
        theta, psi = step(theta, psi)
        return (theta, psi, inside & ~(jnp.abs(theta[0]) >= LEVEL), waited + inside), None

    if not exits:
        return lax.scan(plain, (theta, psi), None, length=steps, unroll=unroll)[0]
    return lax.scan(tested, (theta, psi, jnp.abs(theta[0]) < LEVEL, 0), None, length=steps, unroll=unroll)[0]


compiled = {}
print(jax.__version__, flush=True)
for line in sys.stdin:
    runs, steps, exits, unroll = asked = tuple(int(w) for w in line.split())
    if asked not in compiled:
        starts = 1e-12 * jax.random.normal(jax.random.PRNGKey(0), (runs, 2), dtype=jnp.float64)
        function = jax.jit(jax.vmap(lambda theta: path(theta, steps, exits, unroll)))  # noqa: B023
        jax.block_until_ready(function(starts))
        compiled[asked] = function, starts
    function, starts = compiled[asked]
    wall, cpu = time.perf_counter(), time.process_time()
    jax.block_until_ready(function(starts))
    print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
