"""The files of a review: each appears whole or not at all, and the report comes last."""

from __future__ import annotations

import tempfile
from pathlib import Path

from riskkit.errors import InputError
from riskkit.lab.backtest_report import render_backtest_report, review_figures
from riskkit.lab.scheme import figure_page
from riskkit.validation.review import Review


def write_review(title: str, result: Review, out: Path) -> list[Path]:
    """Write the table, the figures and the report into ``out``.

    Everything is made in a folder beside the files first; a run that fails leaves the old files
    as they were.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    table, figures = result.table(), review_figures(result)
    page = render_backtest_report(title, result, figures)
    names = ["backtest.parquet", "backtest.csv"]
    names += [f"figures/{name}.html" for name in figures]
    try:
        (out / "figures").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".backtest-", dir=out) as folder:
            made = Path(folder)
            (made / "figures").mkdir()
            table.to_parquet(made / "backtest.parquet", index=False)
            table.to_csv(made / "backtest.csv", index=False, lineterminator="\n")
            for name, (figure, _) in figures.items():
                (made / "figures" / f"{name}.html").write_text(figure_page(figure), "utf-8")
            (made / "backtest.html").write_text(page, "utf-8")
            for name in [*names, "backtest.html"]:
                (made / name).replace(out / name)
    except OSError as error:
        raise InputError(
            "out",
            str(out),
            f"must be a folder that can be written ({error.strerror})",
            "Choose another folder with --out",
        ) from None
    return [out / name for name in ("backtest.parquet", "backtest.csv", "figures", "backtest.html")]
