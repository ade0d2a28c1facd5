"""What a command is asked about: a study, or prices with proposals for the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from riskkit.cli.dates import now, question_day
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.market.history import PriceHistory
    from riskkit.study.case import Case
    from riskkit.study.study import Study
    from riskkit.study.tables import DataSection


@dataclass(frozen=True)
class Asked:
    """A question with its prices.

    Attributes
    ----------
    name : str
        Of the results' folder: the study's file, or asset and bar.
    study : Study
    folder : Path
        In which the study's price file has its name.
    history : PriceHistory
    proposed : bool
        Whether the study was made for prices that have none.
    """

    name: str
    study: Study
    folder: Path
    history: PriceHistory
    proposed: bool

    @property
    def case(self) -> Case:
        """The study with the bars that it may know."""
        from riskkit.study.case import Case

        return Case.of(self.study, self.history)

    def peers(self) -> dict[str, PriceHistory] | None:
        """Prices of the study's peers, up to the end of its own; None where it names none."""
        if self.study.peers is None:
            return None
        from riskkit.study.peers import load_peers
        from riskkit.study.scope import bars_until

        own = bars_until(self.study.as_of, self.history)
        return load_peers(self.study.peers, self.folder, own)

    def changed(self, changes: Mapping[str, object]) -> Asked:
        """The same, with other values in its study."""
        return replace(self, study=self.study.changed(changes))


@dataclass(frozen=True)
class PriceOptions:
    """The options that stand for a study, as a command was given them.

    ``said`` is what the user says of the file's columns; see `riskkit.cli.options.file_keys`.
    """

    prices: Path | None = None
    asset: str | None = None
    bar: str | None = None
    kind: str | None = None
    as_of: str | None = None
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def beside(self) -> tuple[str, ...]:
        """Names of those that make sense with ``--prices`` only, and were given."""
        given = {"--asset": self.asset, "--bar": self.bar}
        given |= {"--kind": self.kind, "--as-of": self.as_of}
        given |= {f"--{key.replace('_', '-')}": value for key, value in self.said.items()}
        return tuple(name for name, value in given.items() if value)


@dataclass(frozen=True)
class AskedAbout:
    """What a command is asked about, before anything is read: study files, or prices.

    Attributes
    ----------
    files : tuple of Path
        Study files.
    options : PriceOptions
    argument : str
        What the command calls its study.
    """

    files: tuple[Path, ...] = ()
    options: PriceOptions = PriceOptions()
    argument: str = "STUDY"

    @property
    def file(self) -> Path:
        """The study file; there is one."""
        (file,) = self.files
        return file

    def check(self) -> None:
        """Refuse neither and both of a study and prices, before anything is loaded.

        Raises
        ------
        InputError
        """
        if bool(self.files) == (self.options.prices is not None):
            raise InputError(
                self.argument,
                "both a study and --prices" if self.files else "neither a study nor --prices",
                "give a study, or --prices with one price file",
                "For example: --prices my.csv; riskkit init my.csv writes a study for it",
            )
        if self.files and self.options.beside:
            raise InputError(
                ", ".join(self.options.beside),
                "a study beside it",
                "these options go with --prices only",
                "Set the key in the study instead",
            )

    def read(self, *, bonus: float | None = None) -> Asked:
        """Read the study, or propose one for the prices.

        Without ``--as-of`` prices are asked about today. Bars that have not closed are left out.

        Parameters
        ----------
        bonus : float, optional
            Of a loan, where the venue states it.

        Raises
        ------
        InputError
            For neither or both, and for a study or prices that break a rule.
        """
        self.check()
        return asked_by_study(self.file) if self.files else _proposed(self.options, bonus)

    def behind(self, parameters: Path) -> Path:
        """The study file given, or that which `riskkit calibrate --prices` wrote beside a file.

        Raises
        ------
        InputError
            If none is given and none is there.
        """
        beside = parameters.parent / "study.toml"
        if not self.files and not beside.is_file():
            raise InputError(
                "--study",
                "nothing",
                f"give the study behind the file: there is no {beside} beside it",
                "For example: --study studies/eth-collateral-daily.toml",
            )
        return self.file if self.files else beside


def _proposed(options: PriceOptions, bonus: float | None) -> Asked:
    from riskkit.market import Columns, load_prices
    from riskkit.study.proposal import propose_study

    assert options.prices is not None  # AskedAbout.check
    prices, day = options.prices, question_day(options.as_of)
    asset = options.asset or file_stem(prices)
    said = options.said
    history = load_prices(
        prices,
        asset=asset,
        bar=options.bar,
        columns=Columns.said(said),
        now=now(),
    )
    proposed = propose_study(
        history,
        {"prices": prices.name, **said},
        as_of=day,
        kind=options.kind or "perpetual",
        bonus=bonus,
    )
    return Asked(name_of(proposed.data), proposed, prices.parent, history, True)


def asked_by_study(path: Path) -> Asked:
    """A study with the prices that it names.

    Raises
    ------
    InputError
    """
    from riskkit.study.name import study_name
    from riskkit.study.prices import load_study_prices
    from riskkit.study.study import read_study

    name, study = study_name(path), read_study(path)
    return Asked(name, study, path.parent, load_study_prices(study, path.parent), False)


def name_of(data: DataSection) -> str:
    """Name of the results of a proposed study: its asset and bar, as a file system takes them."""
    plain = re.sub(r"[^a-z0-9]+", "-", f"{data.asset} {data.bar}".lower()).strip("-")
    return plain or "prices"


def file_stem(prices: Path) -> str:
    """A price file's name without its endings."""
    return prices.name.lstrip(".").split(".")[0] or "prices"


def text_beside(asked: Asked, place: Path) -> str:
    """The study as it reads from the folder ``place``, where its price file has another name."""
    from riskkit.study.text import study_text

    study = asked.study
    if study.data.prices is not None:
        relative = os.path.relpath(asked.folder / study.data.prices, place)
        study = study.changed({"data.prices": Path(relative).as_posix()})
    return study_text(study, notes_of(asked.history))


def notes_of(history: PriceHistory) -> list[str]:
    """What a study's first lines say of its prices."""
    counts = {kind: n for kind, n in history.quality.counts().items() if n}
    found = ", ".join(f"{n:,} x {kind}" for kind, n in counts.items()) or "none"
    return [
        f"{history.asset}: {len(history):,} bars, {history.first:%Y-%m-%d %H:%M} to "
        f"{history.last:%Y-%m-%d %H:%M} UTC",
        f"findings on quality (reported, never removed): {found}",
    ]
