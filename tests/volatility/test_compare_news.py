"""Ranking models, and the news impact curve."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.volatility.compare import compare_models
from riskkit.volatility.fit import fit_volatility
from riskkit.volatility.news import news_impact, reference_sigma
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.warmup import warm_up


def test_models_are_ranked_by_bic(sp500: pd.Series) -> None:
    names = ["garch-normal", "garch-t", "gjr-t", "gjr-skewt", "garch-ged"]
    table = compare_models(sp500.iloc[-2000:], [VolatilitySpec.parse(n) for n in names])
    assert set(table.index) == set(names)
    assert table["bic"].is_monotonic_increasing
    assert list(table["rank"]) == [1, 2, 3, 4, 5]
    # Leverage and fat tails are the best-known facts about this index.
    assert table.loc["gjr-t", "rank"] < table.loc["garch-t", "rank"]
    assert table.loc["garch-t", "rank"] < table.loc["garch-normal", "rank"]
    assert table.loc["gjr-t", "parameters"] == 6
    with pytest.raises(InputError, match="distinct models"):
        compare_models(sp500, [VolatilitySpec(), VolatilitySpec()])


def test_news_impact_is_the_recursion_of_one_bar(sp500: pd.Series) -> None:
    fit = fit_volatility(sp500.iloc[-1000:], VolatilitySpec.parse("gjr-t"))
    p, level = fit.params, reference_sigma(fit)
    curve = news_impact(fit)
    down, up = curve.iloc[0], curve.iloc[-1]
    assert down["shock"] == -up["shock"] == pytest.approx(-5 * level)
    assert down["next_sigma"] > up["next_sigma"]
    h = p["omega"] + (p["alpha"] + p["gamma"]) * down["shock"] ** 2 + p["beta"] * level**2
    assert down["next_sigma"] == pytest.approx(math.sqrt(h), rel=1e-12)
    # At the level it reverts to, the average shock changes nothing.
    assert level**2 == pytest.approx(p["omega"] + fit.persistence * level**2, rel=1e-9)


def test_egarch_news_tilts_and_an_integrated_model_has_a_level(sp500: pd.Series) -> None:
    egarch = fit_volatility(sp500.iloc[-1000:], VolatilitySpec.parse("egarch-t"))
    curve = news_impact(egarch, np.array([-0.03, 0.0, 0.03]), sigma=0.01)
    p = egarch.params
    s = p["omega"] + p["alpha"] * (3 - math.sqrt(2 / math.pi)) - 3 * p["gamma"]
    s += p["beta"] * math.log(1e-4)
    assert curve["next_sigma"].iloc[0] == pytest.approx(math.exp(s / 2), rel=1e-12)
    ewma = fit_volatility(sp500.iloc[-1000:], VolatilitySpec.parse("ewma-t"))
    assert reference_sigma(ewma) == pytest.approx(math.sqrt((ewma.sigma**2).mean()))
    with pytest.raises(InputError, match=r"sigma: got -1.* must be positive"):
        news_impact(ewma, sigma=-1.0)
    aparch = fit_volatility(sp500.iloc[-500:], VolatilitySpec.parse("aparch-normal"))
    with pytest.raises(InputError, match="recursion of its own"):
        news_impact(aparch)


def test_warm_up_loads_every_kernel() -> None:
    table = warm_up()
    assert list(table.columns) == ["module", "seconds"]
    assert all(name in sys.modules for name in table["module"])


def test_importing_the_room_loads_neither_numba_nor_arch() -> None:
    code = (
        "import sys, riskkit.volatility.fit, riskkit.volatility.many, riskkit.volatility.compare\n"
        "heavy = {'numba', 'arch', 'statsmodels', 'plotly', 'joblib'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
