"""Answers by what they depend on: what is done is found, and never done again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from riskkit.fleet.task import Failed, Solved
from riskkit.parameters.write import write_atomically


@dataclass(frozen=True)
class Known:
    """What a question's bytes are known to ask.

    Attributes
    ----------
    key : str
        Of the task.
    holds_before : Timestamp or None
        From when on the price file's next bar may have closed, so that it must be read again; None
        if it ends long before it was read.
    """

    key: str
    holds_before: pd.Timestamp | None


@dataclass(frozen=True)
class Archive:
    """A folder of answers: ``answers/KEY.json``, ``reports/KEY.html``, ``asked/DIGEST.json``.

    Every file appears whole or not at all, so that a run may be killed at any moment.
    """

    folder: Path

    def parameters(self, key: str) -> Path:
        """Where the parameter file of a key lies."""
        return Path(self.folder, "answers", key[:2], f"{key}.json")

    def report(self, key: str) -> Path:
        """Where the report of a key lies, if it was asked for."""
        return Path(self.folder, "reports", f"{key}.html")

    def failure(self, key: str) -> Path:
        """Where the reason lies why a key has no answer."""
        return Path(self.folder, "answers", key[:2], f"{key}.failed.json")

    def has(self, key: str, *, report: bool = False) -> bool:
        """Whether an answer, or a lasting failure, is there."""
        answered = self.parameters(key).is_file() and (not report or self.report(key).is_file())
        return answered or self.failure(key).is_file()

    def reason(self, key: str) -> str:
        """Why a key has no answer; empty if it has one."""
        try:
            return str(json.loads(self.failure(key).read_text(encoding="utf-8"))["reason"])
        except FileNotFoundError:
            return ""

    def key_of(self, asked: str) -> Known | None:
        """What a question's digest is known to ask, or None."""
        try:
            content = json.loads(self._asked(asked).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        before = content["holds_before"]
        return Known(content["key"], None if before is None else pd.Timestamp(before))

    def remember(self, asked: str, known: Known) -> None:
        """Keep what a question's digest asks."""
        before = None if known.holds_before is None else known.holds_before.isoformat()
        text = json.dumps({"key": known.key, "holds_before": before}) + "\n"
        write_atomically(self._asked(asked), text)

    def keep(self, key: str, answer: Solved | Failed) -> None:
        """Keep an answer, or a failure that would come again."""
        if isinstance(answer, Solved):
            if answer.report is not None:
                write_atomically(self.report(key), answer.report)
            write_atomically(self.parameters(key), answer.parameters)
        elif answer.lasting:
            write_atomically(self.failure(key), json.dumps({"reason": answer.reason}) + "\n")

    def _asked(self, asked: str) -> Path:
        return Path(self.folder, "asked", asked[:2], f"{asked}.json")
