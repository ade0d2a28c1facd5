"""Negative log-likelihoods of GARCH and GJR(1,1) with analytic gradients.

The variance is ``h[t] = omega + (alpha + gamma 1{e < 0}) e^2 + beta h``; each kernel carries its
derivatives along in the same pass. Sums of logs are taken as logs of products of eight. GARCH is
GJR with gamma held at 0, EWMA with omega, alpha and beta held at their constants.

Sources: Bollerslev (1986, 1987); Glosten, Jagannathan & Runkle (1993); Hansen (1994);
Fiorentini, Calzolari & Panattoni (1996) for the analytic score.
"""

from __future__ import annotations

import math

from numba import njit

from riskkit.volatility.engine.kernel import FAST, LIKELIHOOD, Array, digamma, hansen


@njit(LIKELIHOOD, **FAST)
def garch_normal(x: Array, y: Array, start: Array, g: Array) -> float:
    """Normal innovations; see `kernel.LIKELIHOOD` for the arguments."""
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    weight = alpha + 0.5 * gamma + beta
    h = omega + weight * first
    h_mu = weight * 2.0 * start[2] * (mu - start[1])
    h_omega, h_alpha, h_gamma, h_beta = 1.0, first, 0.5 * first, first
    g_mu = g_omega = g_alpha = g_gamma = g_beta = 0.0
    product, logs, squares = 1.0, 0.0, 0.0
    for t in range(n):
        e = y[t] - mu
        e2 = e * e
        product *= h
        inv = 1.0 / h
        u = e2 * inv
        squares += u
        l_h = 0.5 * inv * (1.0 - u)
        g_mu += l_h * h_mu - e * inv
        g_omega += l_h * h_omega
        g_alpha += l_h * h_alpha
        g_gamma += l_h * h_gamma
        g_beta += l_h * h_beta
        if (t & 7) == 7:
            logs += math.log(product)
            product = 1.0
        down = 1.0 if e < 0.0 else 0.0
        news = alpha + gamma * down
        h_mu = -2.0 * news * e + beta * h_mu
        h_omega = 1.0 + beta * h_omega
        h_alpha = e2 + beta * h_alpha
        h_gamma = down * e2 + beta * h_gamma
        h_beta = h + beta * h_beta
        h = omega + news * e2 + beta * h
    logs += math.log(product)
    g[0], g[1], g[2], g[3], g[4] = g_mu, g_omega, g_alpha, g_gamma, g_beta
    g[5] = g[6] = 0.0
    g[7] = h
    return float(0.5 * (n * math.log(2.0 * math.pi) + logs + squares))


@njit(LIKELIHOOD, **FAST)
def garch_t(x: Array, y: Array, start: Array, g: Array) -> float:
    """Standardised Student t innovations; see `kernel.LIKELIHOOD` for the arguments."""
    mu, omega, alpha, gamma, beta = x[0], x[1], x[2], x[3], x[4]
    nu = 1.0 / x[5]
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    weight = alpha + 0.5 * gamma + beta
    h = omega + weight * first
    h_mu = weight * 2.0 * start[2] * (mu - start[1])
    h_omega, h_alpha, h_gamma, h_beta = 1.0, first, 0.5 * first, first
    g_mu = g_omega = g_alpha = g_gamma = g_beta = 0.0
    product, logs, tail_product, tail_logs, ratio = 1.0, 0.0, 1.0, 0.0, 0.0
    for t in range(n):
        e = y[t] - mu
        e2 = e * e
        tail = k * h + e2
        product *= h
        tail_product *= tail
        both = 1.0 / (h * tail)
        inv, inv_tail = tail * both, h * both
        l_h = inv * (0.5 - q * e2 * inv_tail)
        ratio += h * inv_tail
        g_mu += l_h * h_mu - 2.0 * q * e * inv_tail
        g_omega += l_h * h_omega
        g_alpha += l_h * h_alpha
        g_gamma += l_h * h_gamma
        g_beta += l_h * h_beta
        if (t & 7) == 7:
            logs += math.log(product)
            tail_logs += math.log(tail_product)
            product = tail_product = 1.0
        down = 1.0 if e < 0.0 else 0.0
        news = alpha + gamma * down
        h_mu = -2.0 * news * e + beta * h_mu
        h_omega = 1.0 + beta * h_omega
        h_alpha = e2 + beta * h_alpha
        h_gamma = down * e2 + beta * h_gamma
        h_beta = h + beta * h_beta
        h = omega + news * e2 + beta * h
    logs += math.log(product)
    tail_logs += math.log(tail_product)
    log_k = math.log(k)
    constant = math.lgamma(0.5 * nu) - math.lgamma(q) + 0.5 * math.log(math.pi * k) - q * log_k
    d_constant = 0.5 * (digamma(0.5 * nu) - digamma(q) - log_k) + (0.5 - q) / k
    g[0], g[1], g[2], g[3], g[4] = g_mu, g_omega, g_alpha, g_gamma, g_beta
    g[5] = -nu * nu * (n * d_constant + 0.5 * (tail_logs - logs) + q * ratio)
    g[6] = 0.0
    g[7] = h
    return float(n * constant + (0.5 - q) * logs + q * tail_logs)


@njit(LIKELIHOOD, **FAST)
def garch_skewt(x: Array, y: Array, start: Array, g: Array) -> float:
    """Hansen's skew-t innovations; see `kernel.LIKELIHOOD` for the arguments."""
    mu, omega, alpha, gamma, beta, lam = x[0], x[1], x[2], x[3], x[4], x[6]
    nu = 1.0 / x[5]
    k, q = nu - 2.0, 0.5 * (nu + 1.0)
    log_c, a, b, dlog_c, a_nu, b_nu, a_lam, b_lam = hansen(nu, lam)
    split, right, left = -a / b, 1.0 / (1.0 + lam), 1.0 / (1.0 - lam)
    n = y.shape[0]
    first = start[0] + start[2] * (mu - start[1]) ** 2
    weight = alpha + 0.5 * gamma + beta
    h = omega + weight * first
    h_mu = weight * 2.0 * start[2] * (mu - start[1])
    h_omega, h_alpha, h_gamma, h_beta = 1.0, first, 0.5 * first, first
    g_mu = g_omega = g_alpha = g_gamma = g_beta = 0.0
    product, logs, tail_product, tail_logs = 1.0, 0.0, 1.0, 0.0
    s_w = s_wz = s_wv = s_ratio = 0.0
    for t in range(n):
        e = y[t] - mu
        e2 = e * e
        product *= h
        root = 1.0 / math.sqrt(h)
        z = e * root
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
        l_h = 0.5 * (1.0 - psi * z) * root * root
        g_mu += l_h * h_mu - psi * root
        g_omega += l_h * h_omega
        g_alpha += l_h * h_alpha
        g_gamma += l_h * h_gamma
        g_beta += l_h * h_beta
        if (t & 7) == 7:
            logs += math.log(product)
            tail_logs += math.log(tail_product)
            product = tail_product = 1.0
        down = 1.0 if e < 0.0 else 0.0
        news = alpha + gamma * down
        h_mu = -2.0 * news * e + beta * h_mu
        h_omega = 1.0 + beta * h_omega
        h_alpha = e2 + beta * h_alpha
        h_gamma = down * e2 + beta * h_gamma
        h_beta = h + beta * h_beta
        h = omega + news * e2 + beta * h
    logs += math.log(product)
    tail_logs += math.log(tail_product) - n * math.log(k)
    g[0], g[1], g[2], g[3], g[4] = g_mu, g_omega, g_alpha, g_gamma, g_beta
    g_nu = -n * (b_nu / b + dlog_c) + 0.5 * tail_logs + q * (s_ratio - n / k)
    g[5] = -nu * nu * (g_nu + s_w * a_nu + s_wz * b_nu)
    g[6] = -n * b_lam / b + s_w * a_lam + s_wz * b_lam - s_wv
    g[7] = h
    return float(-n * (math.log(b) + log_c) + 0.5 * logs + q * tail_logs)
