"""Negative log-likelihoods of EGARCH(1,1) with analytic gradients.

The log variance is ``s[t] = omega + alpha (|z| - E|z|) + gamma z + beta s`` with
``E|z| = sqrt(2/pi)``. The likelihood has a kink in mu at every observation, where z changes sign:
around its optimum it is jagged, and an exact gradient in mu says little. The value here is
exact; in the gradient the sign of z may be replaced by ``clip(sharpness z, -1, 1)``, which
averages the kinks nearby (``start[3]``; 1e300 gives the exact one-sided gradient).

The filter forgets where it started if ``log |ds[t+1]/ds[t]|`` is negative on average. Where it
does not, sigma is chaos: the smallest change of a parameter changes every bar, and among the
spikes some likelihood lies above any estimate. And where one bar's sigma falls to nothing just as
mu meets its return, the likelihood is unbounded. In both places the value is infinite. Both edges
lie far from any estimate with alpha >= 0 (see `models`), of short samples too: random walks of
the log variance (beta = 1) forget nothing, and are a common optimum of 250 bars.

Sources: Nelson (1991); Hansen (1994); Wintenberger (2013) for invertibility.
"""

from __future__ import annotations

import math

from riskkit.compiled import Real, Vector, compiled
from riskkit.volatility.engine.kernel import FAST, digamma, hansen

MEAN_ABS = math.sqrt(2.0 / math.pi)
GROWTH = math.log(10.0)
"""By the end of the sample a change of the first variance has not grown tenfold."""
DEPTH = math.log(1e10)
"""No bar's variance lies further below the presample's: sigma by a factor of 100,000."""


@compiled(**FAST)
def egarch_normal(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Normal innovations; see `kernel.Likelihood` for the arguments."""
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    s_beta = math.log(first)
    s = omega + beta * s_beta
    lowest, floor = s, s_beta - DEPTH
    s_mu = beta * 2.0 * start[2] * (mu - start[1]) / first
    s_omega, s_alpha, s_gamma = 1.0, 0.0, 0.0
    sharpness, memory, forgotten = start[3], 1.0, 0.0
    g_mu = g_omega = g_alpha = g_gamma = g_beta = 0.0
    logs, squares = 0.0, 0.0
    for t in range(n):
        logs += s
        root = math.exp(-0.5 * s)
        z = (y[t] - mu) * root
        squares += z * z
        l_s = 0.5 * (1.0 - z * z)
        g_mu += l_s * s_mu - z * root
        g_omega += l_s * s_omega
        g_alpha += l_s * s_alpha
        g_gamma += l_s * s_gamma
        g_beta += l_s * s_beta
        size = abs(z)
        sign = min(max(z * sharpness, -1.0), 1.0)
        decay = beta - 0.5 * (alpha * size + gamma * z)
        memory *= decay
        s_mu = decay * s_mu - (alpha * sign + gamma) * root
        s_omega = 1.0 + decay * s_omega
        s_alpha = size - MEAN_ABS + decay * s_alpha
        s_gamma = z + decay * s_gamma
        s_beta = s + decay * s_beta
        s = omega + alpha * (size - MEAN_ABS) + gamma * z + beta * s
        lowest = min(lowest, s)
        if (t & 7) == 7:
            forgotten += math.log(abs(memory))
            memory = 1.0
    g[0], g[1], g[2], g[3], g[4] = g_mu, g_omega, g_alpha, g_gamma, g_beta
    g[5] = g[6] = 0.0
    g[7] = math.exp(s)
    if not (forgotten + math.log(abs(memory)) < GROWTH and lowest > floor):
        return math.inf
    return float(0.5 * (n * math.log(2.0 * math.pi) + logs + squares))


@compiled(**FAST)
def egarch_t(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Standardised Student t innovations; see `kernel.Likelihood` for the arguments."""
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    nu = 1.0 / x[5]
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    s_beta = math.log(first)
    s = omega + beta * s_beta
    lowest, floor = s, s_beta - DEPTH
    s_mu = beta * 2.0 * start[2] * (mu - start[1]) / first
    s_omega, s_alpha, s_gamma = 1.0, 0.0, 0.0
    sharpness, memory, forgotten = start[3], 1.0, 0.0
    g_mu = g_omega = g_alpha = g_gamma = g_beta = 0.0
    logs, tail_product, tail_logs, ratio = 0.0, 1.0, 0.0, 0.0
    for t in range(n):
        logs += s
        root = math.exp(-0.5 * s)
        z = (y[t] - mu) * root
        tail = k + z * z
        tail_product *= tail
        inv_tail = 1.0 / tail
        ratio += inv_tail
        psi = 2.0 * q * z * inv_tail
        l_s = 0.5 * (1.0 - psi * z)
        g_mu += l_s * s_mu - psi * root
        g_omega += l_s * s_omega
        g_alpha += l_s * s_alpha
        g_gamma += l_s * s_gamma
        g_beta += l_s * s_beta
        size = abs(z)
        sign = min(max(z * sharpness, -1.0), 1.0)
        decay = beta - 0.5 * (alpha * size + gamma * z)
        memory *= decay
        s_mu = decay * s_mu - (alpha * sign + gamma) * root
        s_omega = 1.0 + decay * s_omega
        s_alpha = size - MEAN_ABS + decay * s_alpha
        s_gamma = z + decay * s_gamma
        s_beta = s + decay * s_beta
        s = omega + alpha * (size - MEAN_ABS) + gamma * z + beta * s
        lowest = min(lowest, s)
        if (t & 7) == 7:
            forgotten += math.log(abs(memory))
            tail_logs += math.log(tail_product)
            memory = tail_product = 1.0
    tail_logs += math.log(tail_product) - n * math.log(k)
    log_c = math.lgamma(q) - math.lgamma(0.5 * nu) - 0.5 * math.log(math.pi * k)
    dlog_c = 0.5 * (digamma(q) - digamma(0.5 * nu) - 1.0 / k)
    g[0], g[1], g[2], g[3], g[4] = g_mu, g_omega, g_alpha, g_gamma, g_beta
    g[5] = -nu * nu * (-n * dlog_c + 0.5 * tail_logs + q * (ratio - n / k))
    g[6] = 0.0
    g[7] = math.exp(s)
    if not (forgotten + math.log(abs(memory)) < GROWTH and lowest > floor):
        return math.inf
    return float(-n * log_c + 0.5 * logs + q * tail_logs)


@compiled(**FAST)
def egarch_skewt(x: Vector, y: Vector, start: Vector, g: Vector) -> Real:
    """Hansen's skew-t innovations; see `kernel.Likelihood` for the arguments."""
    mu, omega, alpha, gamma, beta, lam = x[0], x[1], x[2], x[3], x[4], x[6]
    nu = 1.0 / x[5]
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    log_c, a, b, dlog_c, a_nu, b_nu, a_lam, b_lam = hansen(nu, lam)
    split, right, left = -a / b, 1.0 / (1.0 + lam), 1.0 / (1.0 - lam)
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    s_beta = math.log(first)
    s = omega + beta * s_beta
    lowest, floor = s, s_beta - DEPTH
    s_mu = beta * 2.0 * start[2] * (mu - start[1]) / first
    s_omega, s_alpha, s_gamma = 1.0, 0.0, 0.0
    sharpness, memory, forgotten = start[3], 1.0, 0.0
    g_mu = g_omega = g_alpha = g_gamma = g_beta = 0.0
    logs, tail_product, tail_logs = 0.0, 1.0, 0.0
    s_w = s_wz = s_wv = s_ratio = 0.0
    for t in range(n):
        logs += s
        root = math.exp(-0.5 * s)
        z = (y[t] - mu) * root
        side = 1.0 if z >= split else -1.0
        width = right if z >= split else left
        v = (b * z + a) * width
        tail = k + v * v
        tail_product *= tail
        inv_tail = 1.0 / tail
        slope = 2.0 * q * v * inv_tail
        w = slope * width
        s_w += w
        s_wz += w * z
        s_wv += slope * v * width * side
        s_ratio += inv_tail
        psi = w * b
        l_s = 0.5 * (1.0 - psi * z)
        g_mu += l_s * s_mu - psi * root
        g_omega += l_s * s_omega
        g_alpha += l_s * s_alpha
        g_gamma += l_s * s_gamma
        g_beta += l_s * s_beta
        size = abs(z)
        sign = min(max(z * sharpness, -1.0), 1.0)
        decay = beta - 0.5 * (alpha * size + gamma * z)
        memory *= decay
        s_mu = decay * s_mu - (alpha * sign + gamma) * root
        s_omega = 1.0 + decay * s_omega
        s_alpha = size - MEAN_ABS + decay * s_alpha
        s_gamma = z + decay * s_gamma
        s_beta = s + decay * s_beta
        s = omega + alpha * (size - MEAN_ABS) + gamma * z + beta * s
        lowest = min(lowest, s)
        if (t & 7) == 7:
            forgotten += math.log(abs(memory))
            tail_logs += math.log(tail_product)
            memory = tail_product = 1.0
    tail_logs += math.log(tail_product) - n * math.log(k)
    g[0], g[1], g[2], g[3], g[4] = g_mu, g_omega, g_alpha, g_gamma, g_beta
    g_nu = -n * (b_nu / b + dlog_c) + 0.5 * tail_logs + q * (s_ratio - n / k)
    g[5] = -nu * nu * (g_nu + s_w * a_nu + s_wz * b_nu)
    g[6] = -n * b_lam / b + s_w * a_lam + s_wz * b_lam - s_wv
    g[7] = math.exp(s)
    if not (forgotten + math.log(abs(memory)) < GROWTH and lowest > floor):
        return math.inf
    return float(-n * (math.log(b) + log_c) + 0.5 * logs + q * tail_logs)
