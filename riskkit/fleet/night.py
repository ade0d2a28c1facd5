"""A night: which markets ended how, and their numbers as one table.

``nights/NIGHT.json`` is the manifest. ``table/as_of=NIGHT/markets.parquet`` is a dataset that any
reader of parquet takes, DuckDB for one::

    SELECT * FROM read_parquet('fleet/table/*/*.parquet', hive_partitioning = true)

A challenger (another model on the same market) has rows of its own in both, with its name in
``challenger``; that of the champion, the study as it stands, is empty there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic_core import from_json

from riskkit.errors import InputError
from riskkit.fleet.archive import Archive
from riskkit.fleet.identity import Identity
from riskkit.fleet.refresh import SeriesRow
from riskkit.fleet.run import Ended, Status
from riskkit.market.store.files import write_whole
from riskkit.parameters.write import canonical_json, write_atomically

RECOMMENDED = "recommended"
#: From a perpetual's and a loan's words to one name; a loan's shrink as risk grows.
_NAMES = {
    "maintenance_margin": "trigger",
    "liquidation_threshold": "trigger",
    "initial_margin": "opening",
    "max_loan_to_value": "opening",
}
_NUMBERS = ("bar_seconds", "findings", "exceptions", "periods_evaluated")
COLUMNS = (
    "market",
    "challenger",
    "asset",
    "instrument",
    "side",
    "state",
    "covered_loss_fraction",
    "excursion_fraction",
    "trigger_fraction",
    "trigger_low_fraction",
    "trigger_high_fraction",
    "opening_fraction",
    "opening_low_fraction",
    "opening_high_fraction",
    "status",
    "reason",
    "data_status",
    "as_of_date",
    "valid_until_date",
    "bar_seconds",
    "last_bar_utc",
    "sigma_next_bar_fraction",
    "expires_above_sigma_next_bar_fraction",
    "model",
    "healthy",
    "health",
    "findings",
    "default_given_liquidation_probability",
    "exceptions",
    "periods_evaluated",
    "rejected_tests",
    "digest",
    "key",
)


@dataclass(frozen=True)
class NightRow:
    """How a market ended: its study's place, its status, and the digest of its parameter file.

    A challenger's ``market`` is its own (``eth~egarch``), and ``challenger`` its name.
    """

    market: str
    study: str
    status: str
    reason: str
    key: str
    digest: str
    challenger: str = ""


@dataclass(frozen=True)
class Night:
    """A run's manifest; ``refreshed`` are the series that were brought up to date before it."""

    night: date
    identity: Mapping[str, Any]
    rows: tuple[NightRow, ...]
    refreshed: tuple[SeriesRow, ...] = ()

    @property
    def champions(self) -> tuple[NightRow, ...]:
        """The markets themselves, without those in the shadow."""
        return tuple(row for row in self.rows if not row.challenger)

    @property
    def failed(self) -> tuple[NightRow, ...]:
        """Markets without an answer."""
        return tuple(row for row in self.champions if row.status == Status.FAILED.value)


def night_of(
    night: date,
    identity: Identity,
    ended: Sequence[Ended],
    archive: Archive,
    refreshed: Sequence[SeriesRow] = (),
) -> tuple[Night, pd.DataFrame]:
    """The manifest of a run, and its table; see `COLUMNS`."""
    rows: list[NightRow] = []
    table: list[dict[str, Any]] = []
    for e in ended:
        digest = ""
        if e.status is not Status.FAILED:
            content = from_json(archive.parameters(e.key).read_bytes())  # half of json's time
            digest = content["header"]["digest"]["content_sha256"]
            table += _market_rows(e, content)
        else:
            table.append(
                {
                    "market": e.market.study,
                    "challenger": e.market.challenger,
                    "status": e.status.value,
                    "reason": e.reason,
                }
            )
        name, path = e.market.name, e.market.path.as_posix()
        rows.append(
            NightRow(name, path, e.status.value, e.reason, e.key, digest, e.market.challenger)
        )
    return Night(night, identity.to_dict(), tuple(rows), tuple(refreshed)), _typed(table)


def recommended(table: pd.DataFrame, *, challengers: bool = False) -> pd.DataFrame:
    """The rows that say what is recommended; without those of challengers unless asked for."""
    chosen = table["state"] == RECOMMENDED
    return table[chosen if challengers else chosen & (table["challenger"] == "")]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows by column."""
    names = [str(name) for name in table.columns]
    columns = [table[name].tolist() for name in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _typed(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A table whose columns have the same types on every night, whoever failed."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = (*_NUMBERS, *(name for name in COLUMNS if name.endswith(("fraction", "ability"))))
    types = dict.fromkeys(COLUMNS, "string") | dict.fromkeys(numbers, "float64")
    return frame.astype(types | {"healthy": "boolean"})


def write_night(folder: Path, night: Night, table: pd.DataFrame) -> Path:
    """Write the table, and after it the manifest: where it is, all is."""
    day = night.night.isoformat()
    write_table(folder / "table" / f"as_of={day}" / "markets.parquet", table)
    content = {
        "night": day,
        "identity": dict(night.identity),
        "markets": [dict(vars(row)) for row in night.rows],
        "refreshed": [dict(vars(row)) for row in night.refreshed],
    }
    return write_atomically(folder / "nights" / f"{day}.json", canonical_json(content))


def write_table(place: Path, table: pd.DataFrame) -> None:
    """Write a table as parquet, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written: a full disk, for one.
    """
    stream = io.BytesIO()
    table.to_parquet(stream, index=False)
    try:
        write_whole(place, stream.getvalue())
    except InputError as error:
        remedy = "Free space, or choose another --out; run it again: it goes on where it stopped"
        raise InputError("OUT", str(place), error.rule, remedy) from None


def nights(folder: Path) -> tuple[date, ...]:
    """The nights of a fleet's folder, the earliest first."""
    found = (path.stem for path in (folder / "nights").glob("*.json"))
    return tuple(sorted(date.fromisoformat(stem) for stem in found))


def read_night(folder: Path, night: date | None = None) -> tuple[Night, pd.DataFrame]:
    """A night's manifest and table; the latest one without ``night``.

    Raises
    ------
    InputError
        If it is not there, or cannot be read.
    """
    known = nights(folder)
    day = (known[-1] if known else None) if night is None else night
    if day is None or day not in known:
        held = f"it holds {known[0]} to {known[-1]}" if known else "it holds none"
        rule = f"must hold the night asked for; {held}"
        raise InputError("OUT", str(folder), rule, "Run riskkit fleet run, or check --out")
    try:
        text = (folder / "nights" / f"{day}.json").read_text(encoding="utf-8")
        content = json.loads(text)
        rows = tuple(NightRow(**row) for row in content["markets"])
        series = tuple(
            SeriesRow(**{**row, "markets": tuple(row["markets"])})
            for row in content.get("refreshed", ())
        )
        table = pd.read_parquet(folder / "table" / f"as_of={day}" / "markets.parquet")
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = f"must hold a whole night of {day} ({error})"
        raise InputError("OUT", str(folder), rule, "Run that night again") from None
    return Night(day, content["identity"], rows, series), _with_challengers(table)


def read_recommended(folder: Path, days: Iterable[date]) -> pd.DataFrame:
    """What nights recommended, challengers' rows among it; the nights in the order given."""
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    for day in days:
        place = folder / "table" / f"as_of={day}" / "markets.parquet"
        tables.append(recommended(_with_challengers(pd.read_parquet(place)), challengers=True))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _with_challengers(table: pd.DataFrame) -> pd.DataFrame:
    """A table with the column of challengers, which nights from before them do not have."""
    if "challenger" not in table:
        table.insert(1, "challenger", pd.Series("", table.index, dtype="string"))
    return table


def table_of_files(files: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The table of `read_night` for parameter files of no fleet, by the names of their markets."""
    rows = [
        {"market": name, "challenger": "", "status": "answered", "key": "", **row}
        for name, content in files.items()
        for row in _file_rows(content)
    ]
    return _typed(rows)


def _market_rows(ended: Ended, content: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """A row for each side and state of a market's parameter file."""
    market = ended.market
    common = {
        "market": market.study,
        "challenger": market.challenger,
        "status": ended.status.value,
        "key": ended.key,
    }
    return ({**common, **row} for row in _file_rows(content))


def _file_rows(content: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """A row for each side and state of a parameter file."""
    header, data, model = content["header"], content["data"], content["model"]
    common = {
        "asset": header["asset"],
        "instrument": content["study"]["position"]["kind"],
        "reason": "",
        "data_status": header["status"],
        "as_of_date": header["as_of_date"],
        "valid_until_date": header["valid_until_date"],
        "bar_seconds": data["bar_seconds"],
        "last_bar_utc": data["last_bar_utc"],
        "sigma_next_bar_fraction": model["sigma_next_bar_fraction"],
        "expires_above_sigma_next_bar_fraction": header["expires_above_sigma_next_bar_fraction"],
        "model": model["spec_fitted"],
        "healthy": model["healthy"],
        "health": model["health"],
        "findings": sum(data["quality_findings"].values()),
        "digest": header["digest"]["content_sha256"],
    }
    evidence = content["evidence"]
    simulated = {row["side"]: row for row in evidence["simulated"]}
    coverage = {row["side"]: row for row in evidence["coverage"]}
    parameters = content["parameters"]
    states = [(RECOMMENDED, row) for row in parameters["recommended"]]
    states += [(row["start_state"], row) for row in parameters["by_start_state"]]
    for state, row in states:
        yield {
            **common,
            "side": row["side"],
            "state": state,
            "covered_loss_fraction": row["covered_loss_fraction"],
            "excursion_fraction": row["excursion_fraction"],
            **_limits(row),
            **(
                _evidence(simulated.get(row["side"]), coverage.get(row["side"]))
                if state == RECOMMENDED
                else {}
            ),
        }


def _limits(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        f"{ours}{end}": row[f"{theirs}{end}"]
        for theirs, ours in _NAMES.items()
        if f"{theirs}_fraction" in row
        for end in ("_fraction", "_low_fraction", "_high_fraction")
    }


def _evidence(
    simulated: Mapping[str, Any] | None, coverage: Mapping[str, Any] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if simulated is not None:
        given = simulated["default_given_liquidation"]["point_probability"]
        found["default_given_liquidation_probability"] = given
    if coverage is not None:
        tests = coverage["tests_on_non_overlapping_periods"]
        rejected = [test["name"] for test in tests if test["decision"] == "rejected"]
        found |= {
            "exceptions": coverage["exceptions"],
            "periods_evaluated": coverage["periods_evaluated"],
            "rejected_tests": ", ".join(rejected),
        }
    return found
