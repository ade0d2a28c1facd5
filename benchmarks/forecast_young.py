"""How often a young market's losses exceed the 99 % tail that its peers lend it.

Every 45 days from June 2019 each asset is cut down to its last 20, 30, 90 and 180 days, as if it
had been listed then, or has no more of them; its peers are known up to the same day. Both sides of
the next 30 days are counted. LUNA, FTT and UST are in the panel, as peers and as young markets, up
to and through their ends; the others are survivors that pretend to be young.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from riskkit.errors import InputError
from riskkit.volatility.filtering import filter_returns
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.young import fit_peers, pool_peers, young_fit

KNOWN = (20, 30, 90, 180)
AHEAD = 30
DIED = ("LUNA", "FTT", "UST")
DATES = pd.date_range("2019-06-01", "2024-05-25", freq="45D", tz="UTC")


def young_rows(
    returns: dict[str, pd.Series], spec: VolatilitySpec, dates: pd.DatetimeIndex = DATES
) -> pd.DataFrame:
    """One row per asset, date and number of known bars, side by side."""
    done = Parallel(n_jobs=2)(delayed(_on)(returns, spec, date) for date in dates)
    return pd.DataFrame([row for rows in done for row in rows])


def _on(returns: dict[str, pd.Series], spec: VolatilitySpec, date: pd.Timestamp) -> list[dict]:
    known = {name: series[series.index < date] for name, series in returns.items()}
    rows = []
    try:
        every = fit_peers({n: s for n, s in known.items() if len(s)}, spec, "")
    except InputError:  # too few peers yet
        return rows
    for name, series in returns.items():
        fits = {peer: fit for peer, fit in every.items() if peer != name}
        begin = len(known[name])
        if len(fits) < 3 or begin < KNOWN[0] or begin + AHEAD > len(series):
            continue
        peers = pool_peers(fits, known)
        shocks = np.concatenate(peers.shocks.close)
        tails = -np.quantile(shocks, 0.01), np.quantile(shocks, 0.99)
        for count in KNOWN:
            if begin < count:
                continue
            own = series.iloc[begin - count : begin]
            fit = young_fit(own, peers, spec, own.index[-1])
            seen = filter_returns(fit, series.iloc[begin - count : begin + AHEAD])
            sigma = seen.sigma.to_numpy()[count:]
            came = series.to_numpy()[begin : begin + AHEAD]
            rows.append(
                {
                    "asset": name,
                    "date": date,
                    "known": count,
                    "exceptions": int((-came > tails[0] * sigma).sum())
                    + int((came > tails[1] * sigma).sum()),
                    "bars": 2 * AHEAD,
                    "var": float(np.mean(tails) * sigma.mean()),
                }
            )
    return rows


def young_exceptions(rows: pd.DataFrame) -> dict[str, float]:
    """Exceptions per cent of forecasts, both sides pooled, by number of known bars."""
    total = rows.groupby("known")[["exceptions", "bars"]].sum()
    return {str(k): round(100.0 * r.exceptions / r.bars, 3) for k, r in total.iterrows()}
