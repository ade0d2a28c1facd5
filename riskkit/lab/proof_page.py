"""Whole pages of the proofs: title, date, words, figure with its legend, tables, method."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from riskkit import __version__
from riskkit.lab.page import render_page
from riskkit.lab.proof_figures import generations_figure, reliability_diagram, tornado
from riskkit.lab.tables import shown
from riskkit.position import Instrument
from riskkit.proof.generations import Generations
from riskkit.proof.reliability import Reliability
from riskkit.proof.sensitivity import Sensitivity
from riskkit.study.case import Case


@dataclass(frozen=True)
class _Told:
    """What a page says beside its figure."""

    question: str
    legend: str
    words: Sequence[str]
    tables: Sequence[tuple[str, pd.DataFrame, frozenset[str]]]
    method: Sequence[str]
    csv: str


def sensitivity_page(case: Case, found: Sensitivity) -> str:
    """HTML of what a recommendation hangs on; the same inputs give the same bytes."""
    strict, lenient = Instrument(case.study.position.kind).names
    changes = {"trigger_change": f"{strict} moves", "opening_change": f"{lenient} moves"}
    tables: list[tuple[str, pd.DataFrame, frozenset[str]]] = []
    for side in found.served:
        rows = found.ranked(side)[["assumption", "change", "setting", *changes]]
        points = rows.assign(**{name: rows[name].map(_points) for name in changes})
        tables.append(
            (f"The {side.value}, worst first", points.rename(columns=changes), frozenset())
        )
    still = found.table[found.table["note"] != ""].drop_duplicates(["assumption", "change"])
    told = _Told(
        "which assumption moves the answer",
        "Each assumption is halved (blue) and doubled or replaced (orange), the others left as "
        "they are; bars are the change of the point estimate.",
        [*_largest(case, found), *(u.words for u in found.unserved)],
        tables,
        [
            "The study is solved again on the same seed for every row; bands and floor are left "
            "out, so that a change is the assumption's own.",
            *(f"{r['assumption']} {r['change']}: {r['note']}." for _, r in still.iterrows()),
        ],
        "sensitivity.csv",
    )
    return _page(case, f"{case.name}: what the answer hangs on", tornado(found), told)


def generations_page(case: Case, found: Generations) -> str:
    """HTML of three generations at equal safety; the same inputs give the same bytes."""
    table = found.table
    matched, dropped = table[table["reason"] == ""], table[table["reason"] != ""]
    keys = {"generation": "generation", "lag_days": "lag, days", "side": "side"}
    capital = {"mean_margin": "mean margin", "largest_margin": "largest margin"}
    capital |= {"peak_to_trough": "peak to trough", "rise_5_days": "rise in 5 days, times"}
    safety = {"positions": "positions", "defaults": "defaults", "episodes": "bars with a default"}
    safety |= {"liquidation_rate": "liquidated", "bad_debt_bps": "bad debt, bps a position"}
    measures = found.measures
    judged = pd.DataFrame(
        {
            **{words: measures[name] for name, words in keys.items()},
            "defaults, 1,000 days": _banded(measures, "account_day", 1e3),
            "bad debt, bps a year": _banded(measures, "oi_year_bps", 1.0),
            "worst days, % of OI": _banded(measures, "episode_es", 1.0),
            "days with defaults": measures["days_with_defaults"],
        }
    )
    margins, rates = frozenset({"mean margin", "largest margin"}), frozenset({"liquidated"})
    told = _Told(
        "what each generation of rules locks up at equal safety",
        f"Margin posted at opening, logarithmic. Left of the dotted line every rule is scaled to "
        f"{found.rate:.1%} of defaults per position; only the right counts. Crosses are positions "
        "that defaulted.",
        _generations_words(found),
        [
            ("Capital", matched[[*keys, *capital]].rename(columns={**keys, **capital}), margins),
            ("Safety", matched[[*keys, *safety]].rename(columns={**keys, **safety}), rates),
            ("Judged by day, with bands", judged, frozenset()),
        ],
        [
            f"Scaled on what came before {found.split:%Y-%m-%d %H:%M}, judged on what came after.",
            "Bands are 95 %, by blocks of seven days: positions that overlap default together.",
            *(f"Not matched: {reason}." for reason in dropped["reason"].unique()),
        ],
        "generations.csv",
    )
    return _page(case, f"{case.name}: three generations", generations_figure(found), told)


def reliability_page(case: Case, found: Reliability) -> str:
    """HTML of predictions held to history; the same inputs give the same bytes."""
    cells = found.cells
    names = ["predicted", "realised", "low", "high"]
    verdicts = [_verdict(row) for _, row in cells.iterrows()]
    table = cells[["side", "target", "event", "trials", *names]].assign(verdict=verdicts)
    inside, judged = found.judged_inside
    wrong = cells[cells["judged"] & ~cells["inside"]]
    below = int((wrong["realised"] < wrong["low"]).sum())
    counts = found.counts()
    told = _Told(
        "did what was predicted come",
        "A point on the diagonal is a prediction that came true. Its bar holds 95 % of simulated "
        "histories of the same schedule: a point whose bar misses the diagonal is a prediction "
        "that failed. Hollow points expect fewer than ten events and are not judged.",
        [
            f"{inside} of {judged} judged cells lie inside their 95 % band.",
            f"Of the {len(wrong)} others {below} lie below their band (fewer events than "
            f"predicted) and {len(wrong) - below} above.",
            *left_out(counts),
        ],
        [
            ("Predicted and realised", table, frozenset(["target", *names])),
            ("By volatility at opening", found.by_volatility(), _rates(found.by_volatility())),
            ("Brier score", found.brier, frozenset()),
            ("Positions counted", counts, frozenset({"target"})),
        ],
        [
            "At every bar a position is opened at the margins that would have been recommended "
            "then, from the bars before, and followed through what came.",
            f"{found.refits} refits; {found.histories} simulated histories behind the bands.",
        ],
        "reliability.csv",
    )
    return _page(case, f"{case.name}: predicted and realised", reliability_diagram(found), told)


def left_out(counts: pd.DataFrame) -> list[str]:
    """A sentence for every cell that has no margin on some bars: they are the wildest ones."""
    return [
        f"{r['side']}, target {r['target']:.0%}: {r['no_margin'] / r['origins']:.1%} of the bars "
        "have no margin below 98 % that meets it, and are in no rate: the wildest ones, which a "
        "venue could not serve either"
        for _, r in counts.iterrows()
        if r["no_margin"]
    ]


def _page(case: Case, title: str, figure: go.Figure, told: _Told) -> str:
    drawn = pio.to_html(
        figure,
        include_plotlyjs=True,
        full_html=False,
        div_id=figure.layout.meta["id"],
        config={"displaylogo": False, "responsive": True},
    )
    tables = [
        (heading, shown(rows, percent=percent).set_uuid(f"t{number}").to_html())
        for number, (heading, rows, percent) in enumerate(told.tables)
    ]
    return render_page(
        "proof_page.html.j2",
        title=title,
        case=case,
        version=__version__,
        question=told.question,
        words=told.words,
        figure=drawn,
        legend=told.legend,
        tables=tables,
        method=told.method,
        csv=told.csv,
    )


def _points(change: float) -> str:
    return f"{100.0 * change:+.2f} points"


def _largest(case: Case, found: Sensitivity) -> Iterable[str]:
    strict, _ = Instrument(case.study.position.kind).names
    for side in found.served:
        rows, base = found.ranked(side), found.base
        at = float(base.loc[base["side"] == side.value, "trigger"].iloc[0])
        if rows.empty:
            continue
        most = rows.iloc[0]
        yield (
            f"{side.value}: {strict} is {at:.2%} (point estimate) and hangs most on "
            f"{most['assumption']} ({most['change']}: {_points(most['trigger_change'])})."
        )


def _generations_words(found: Generations) -> list[str]:
    rows = found.headline().reset_index()
    return [
        f"{r['generation']}, lag {r['lag_days']} d: {r['mean_margin']:.1%} of notional on average, "
        f"{r['defaults']:,.0f} defaults of {r['positions']:,.0f} positions, after the split."
        for _, r in rows.iterrows()
    ]


def _banded(rows: pd.DataFrame, name: str, scale: float) -> list[str]:
    return [
        f"{scale * r[name]:.3g} ({scale * r[f'{name}_low']:.3g} to {scale * r[f'{name}_high']:.3g})"
        for _, r in rows.iterrows()
    ]


def _verdict(cell: pd.Series) -> str:
    if not cell["judged"]:
        return "not judged"
    if cell["inside"]:
        return "inside"
    return "below its band" if cell["realised"] < cell["low"] else "above its band"


def _rates(table: pd.DataFrame) -> frozenset[str]:
    return frozenset(
        str(name)
        for name in table.columns
        if name in ("target", "sigma") or str(name).endswith(("_predicted", "_realised"))
    )
