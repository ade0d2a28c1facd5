"""Other laws of dependence on the same margins: DCC with normal or t shocks, cDCC rows, t copula.

Comparisons for `bench_portfolio`, in the order of the walk: parameters from before each stretch,
correlation from filtering on.

Sources: Engle (2002); Aielli (2013) for cDCC; Demarta & McNeil (2005) for the t copula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import kendalltau
from scipy.stats import t as student

from riskkit.compiled import Matrix, Real, Whole, compiled
from riskkit.dependence.correlation import correlation_of, symmetric_roots
from riskkit.dependence.joint import AGED_ROWS, EIGENVALUE_FLOOR, HALF_LIFE, aged_rows, ranked
from riskkit.market.panel import Panel
from riskkit.portfolio.books import Books, hedged_books
from riskkit.portfolio.measure import account_tails
from riskkit.proof.panel_walk import HEDGE_DAYS, Stretch, WalkPlan, stretches
from riskkit.volatility.spec import VolatilitySpec

DRAWS = 8_192
FREEDOMS = np.geomspace(2.5, 40.0, 25)
Scenarios = Callable[[int], np.ndarray]


class Parameters(NamedTuple):
    """News, memory, degrees of freedom (0: normal), and whether the news is Aielli's."""

    a: float
    b: float
    nu: float
    corrected: bool


@compiled()
def likelihood(  # pragma: no cover - compiled
    z: Matrix, target: Matrix, a: Real, b: Real, nu: Real, corrected: Whole
) -> Real:
    """Correlation stage, up to what nu alone makes: normal for nu 0, else t of unit variance."""
    n, size = z.shape
    q, low = target.copy(), np.zeros((size, size))
    y, d = np.empty(size), np.empty(size)
    total = 0.0
    for t in range(n):
        logs, form, squares = 0.0, 0.0, 0.0
        for i in range(size):
            d[i] = math.sqrt(q[i, i])
        for i in range(size):
            for j in range(i + 1):
                s = q[i, j] / (d[i] * d[j])
                for k in range(j):
                    s -= low[i, k] * low[j, k]
                if i > j:
                    low[i, j] = s / low[j, j]
                elif s <= 1e-12:
                    return -1e18
                else:
                    low[i, i] = math.sqrt(s)
            s = z[t, i]
            for k in range(i):
                s -= low[i, k] * y[k]
            y[i] = s / low[i, i]
            form += y[i] * y[i]
            squares += z[t, i] * z[t, i]
            logs += math.log(low[i, i])
        if nu > 0.0:
            total -= logs + 0.5 * (nu + size) * math.log1p(form / (nu - 2.0))
        else:
            total -= logs + 0.5 * (form - squares)
        for i in range(size):
            for j in range(size):
                news = z[t, i] * z[t, j]
                if corrected:
                    news *= d[i] * d[j]
                q[i, j] = (1.0 - a - b) * target[i, j] + a * news + b * q[i, j]
    return total


@compiled()
def fill_path(  # pragma: no cover - compiled
    z: Matrix, target: Matrix, a: Real, b: Real, corrected: Whole, out: Matrix
) -> None:
    """Q (T + 1, N x N) flat, number t known before bar t."""
    n, size = z.shape
    q = target.copy()
    for t in range(n + 1):
        for i in range(size):
            for j in range(size):
                out[t, i * size + j] = q[i, j]
        if t < n:
            for i in range(size):
                for j in range(size):
                    news = z[t, i] * z[t, j]
                    if corrected:
                        news *= math.sqrt(out[t, i * size + i] * out[t, j * size + j])
                    q[i, j] = (1.0 - a - b) * target[i, j] + a * news + b * q[i, j]


def quasi(z: np.ndarray, target: np.ndarray, p: Parameters) -> np.ndarray:
    """Q (T + 1, N, N)."""
    size = len(target)
    out = np.empty((len(z) + 1, size * size))
    fill_path(np.ascontiguousarray(z), target, p.a, p.b, int(p.corrected), out)
    return out.reshape(-1, size, size)


def correlations(q: np.ndarray) -> np.ndarray:
    d = np.sqrt(np.diagonal(q, axis1=1, axis2=2))
    return q / (d[:, :, None] * d[:, None, :])


def fit(z: np.ndarray, *, student_shocks: bool, corrected: bool) -> tuple[Parameters, np.ndarray]:
    """Parameters and target by maximum likelihood; cDCC's target by its own fixed point."""
    z = np.ascontiguousarray(z)
    target, size = correlation_of(z), z.shape[1]

    def read(p: np.ndarray) -> Parameters:
        total, share = 0.9999 / (1.0 + math.exp(-p[0])), 1.0 / (1.0 + math.exp(-p[1]))
        nu = 2.05 + math.exp(min(p[2], 5.0)) if student_shocks else 0.0
        return Parameters(total * share, total * (1.0 - share), nu, corrected)

    start = np.array([4.0, -3.5, 1.0][: 3 if student_shocks else 2])
    found = read(start)
    for _ in range(3 if corrected else 1):

        def loss(p: np.ndarray, at: np.ndarray = target) -> float:
            w = read(p)
            value = likelihood(z, at, w.a, w.b, w.nu, int(corrected))
            if student_shocks:
                value += len(z) * (
                    gammaln((w.nu + size) / 2.0)
                    - gammaln(w.nu / 2.0)
                    - 0.5 * size * math.log(math.pi * (w.nu - 2.0))
                )
            return -value / len(z)

        best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
        start, found = best.x, read(best.x)
        if corrected:
            d = np.sqrt(np.diagonal(quasi(z, target, found)[:-1], axis1=1, axis2=2))
            target = correlation_of(z * d)
    return found, target


def stretch_scenarios(stretch: Stretch, rng: np.random.Generator) -> dict[str, Scenarios]:
    """Scenarios of every rival at a row of the stretch: standardised shocks (M, N)."""
    z, known = stretch.residuals.values, stretch.begin - stretch.start
    past, size = z[:known], z.shape[1]
    normals, chances = rng.standard_normal((DRAWS, size)), rng.random(DRAWS)
    found: dict[str, Scenarios] = {}
    for name, heavy in (("DCC-normal", False), ("DCC-t", True)):
        p, target = fit(past, student_shocks=heavy, corrected=False)
        halves = symmetric_roots(correlations(quasi(z, target, p)), EIGENVALUE_FLOOR)[0]
        shocks = normals
        if heavy:
            scale = student_scale(p.nu, chances) * math.sqrt((p.nu - 2.0) / p.nu)
            shocks = normals * scale[:, None]
        found[name] = lambda row, h=halves, s=shocks: s @ h[row]
    p, target = fit(past, student_shocks=False, corrected=True)
    halves, inverse, _ = symmetric_roots(correlations(quasi(z, target, p)), EIGENVALUE_FLOOR)
    white = np.einsum("tij,tj->ti", inverse[:-1], z)

    def corrected_rows(row: int) -> np.ndarray:
        rows = aged_rows(row, HALF_LIFE, AGED_ROWS)
        own = np.ascontiguousarray(z[rows].T)
        return ranked(np.einsum("ij,mj->im", halves[row], white[rows]), own).T

    found["cDCC rows, ranked"] = corrected_rows
    found["t copula"] = copula(past, z, normals, chances)
    return found


def student_scale(nu: float, chances: np.ndarray) -> np.ndarray:
    """sqrt(nu / chi squared), the same chances for every nu."""
    from scipy.stats import chi2

    return np.sqrt(nu / chi2.ppf(chances, nu))


def copula(past: np.ndarray, z: np.ndarray, normals: np.ndarray, chances: np.ndarray) -> Scenarios:
    """A t copula (Kendall's tau, nu by profile likelihood) on aged empirical margins."""
    size = past.shape[1]
    rho = np.eye(size)
    for i in range(size):
        for j in range(i):
            rho[i, j] = rho[j, i] = math.sin(0.5 * math.pi * kendalltau(past[:, i], past[:, j])[0])
    values, vectors = np.linalg.eigh(rho)
    rho = (vectors * np.maximum(values, 1e-4)) @ vectors.T
    d = np.sqrt(np.diag(rho))
    rho /= np.outer(d, d)
    u = (past.argsort(0).argsort(0) + 0.5) / len(past)
    inverse, logdet = np.linalg.inv(rho), np.linalg.slogdet(rho)[1]

    def profile(nu: float) -> float:
        x = student.ppf(u, nu)
        form = np.einsum("ti,ij,tj->t", x, inverse, x)
        joint = gammaln((nu + size) / 2) + (size - 1) * gammaln(nu / 2)
        joint -= size * gammaln((nu + 1) / 2) + 0.5 * logdet
        each = joint - 0.5 * (nu + size) * np.log1p(form / nu)
        return float((each + 0.5 * (nu + 1) * np.log1p(x * x / nu).sum(1)).sum())

    nu = float(max(FREEDOMS, key=profile))
    draws = normals @ np.linalg.cholesky(rho).T * student_scale(nu, chances)[:, None]
    uniform = student.cdf(draws, nu)

    def scenarios(row: int) -> np.ndarray:
        own = np.sort(z[aged_rows(row, HALF_LIFE, AGED_ROWS)], axis=0)
        places = np.minimum((uniform * len(own)).astype(np.int64), len(own) - 1)
        return np.take_along_axis(own, places, axis=0)

    return scenarios


def walk_rivals(
    panel: Panel, spec: VolatilitySpec, books: Books, plan: WalkPlan, joint, seed: int = 3
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """VaR and ES (T, A) of every rival, one bar ahead, at the origins of `walk_panel`."""
    values = panel.joint_returns().to_numpy()
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for stretch, inside in origins(panel, spec, plan, joint):
        hedges = hedged_books(values[max(0, stretch.begin - HEDGE_DAYS) : stretch.begin])
        weights = books.beside(hedges, "hedged").weights
        mu = np.array([m.mu for m in stretch.models])
        for name, scenarios in stretch_scenarios(stretch, rng).items():
            for t in inside:
                row = t - stretch.start
                moves = np.expm1(mu + stretch.sigma[row] * scenarios(row))
                tails = account_tails(weights, moves, plan.confidence)
                found.setdefault(name, []).append((tails.var, tails.es))
    return {
        name: (np.array([v for v, _ in rows]), np.array([e for _, e in rows]))
        for name, rows in found.items()
    }


def origins(
    panel: Panel, spec: VolatilitySpec, plan: WalkPlan, joint
) -> Iterator[tuple[Stretch, list[int]]]:
    """Stretches with the bars of each that are forecast."""
    at = np.arange(plan.first, len(panel.joint_rows()), plan.step)
    for stretch in stretches(panel, spec, joint, plan):
        inside = at[(at >= stretch.begin) & (at < stretch.end)].tolist()
        if inside:
            yield stretch, inside
