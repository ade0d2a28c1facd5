"""Walk many assets and models forward, in parallel and resumable."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.sample import check_returns
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import check_arguments, walk_forward

CACHE_VERSION = 3
"""Part of every cache key: raise it when a walk's numbers or columns change."""

Progress = Callable[[int, int], None]


def walk_forward_many(
    assets: Mapping[str, Returns | pd.Series],
    specs: Sequence[VolatilitySpec],
    window: int = 1000,
    refit_every: int = 1,
    *,
    expanding: bool = False,
    workers: int = 1,
    backend: str = "threading",
    cache: Path | str | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Every model walked forward on every asset; the numbers do not depend on the workers.

    Work is split by (asset, model), never by window: a walk lives on its warm starts.

    Parameters
    ----------
    assets : mapping of name to returns
    specs : sequence of VolatilitySpec
    window, refit_every, expanding
        As in `walk_forward`.
    workers : int
        joblib's ``n_jobs``. The kernels release the GIL, so threads do.
    backend : str
        Any joblib backend: ``"threading"``, ``"loky"``, ``"dask"`` (with a client running).
    cache : path, optional
        Folder that keeps each finished walk under a digest of its data and arguments. A run that
        was interrupted finds them there and does only the rest. Files appear whole or not at all.
    progress : callable, optional
        Called as ``progress(done, total)`` after each walk, in the calling thread.

    Returns
    -------
    DataFrame
        The tables of `walk_forward` one below the other, in the order of assets, then specs.

    Raises
    ------
    InputError
        As `walk_forward`, for any of the assets and before any walk starts.
    """
    from joblib import Parallel, delayed, parallel_config

    if not assets or not specs:
        raise InputError(
            "assets" if not assets else "specs", 0, "must not be empty", "Give at least one"
        )
    for returns in assets.values():
        sample = check_returns(returns)
        for spec in specs:
            check_arguments(sample, spec, window, refit_every)
    folder = None if cache is None else Path(cache)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    if backend == "threading":
        from riskkit.volatility.warmup import warm_up

        warm_up()  # once, here: threads that compile the same kernel wait for each other
    tasks = [(name, spec) for name in assets for spec in specs]
    tables: list[pd.DataFrame] = []
    with parallel_config(backend=backend, n_jobs=workers):  # Parallel itself does not know Dask
        for table in Parallel(return_as="generator")(
            delayed(_walk)(name, assets[name], spec, window, refit_every, expanding, folder)
            for name, spec in tasks
        ):
            tables.append(table)
            if progress is not None:
                progress(len(tables), len(tasks))
    whole: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return whole


def _walk(
    name: str,
    returns: Returns | pd.Series,
    spec: VolatilitySpec,
    window: int,
    refit_every: int,
    expanding: bool,
    folder: Path | None,
) -> pd.DataFrame:
    path = None
    if folder is not None:
        path = folder / f"{_digest(name, returns, spec, window, refit_every, expanding)}.parquet"
        if path.exists():
            return pd.read_parquet(path)
    table = walk_forward(returns, spec, window, refit_every, expanding=expanding)
    table["asset"] = name
    if path is not None:
        _write_whole(table, path)
    return table


def _digest(
    name: str,
    returns: Returns | pd.Series,
    spec: VolatilitySpec,
    window: int,
    refit_every: int,
    expanding: bool,
) -> str:
    sample = check_returns(returns)
    key = hashlib.sha256()
    key.update(repr((CACHE_VERSION, name, spec.name, window, refit_every, expanding)).encode())
    key.update(sample.values.tobytes())
    for index in (sample.target, sample.origin):
        key.update(str(index.dtype).encode())
        key.update(np.asarray(pd.util.hash_array(index.to_numpy())).tobytes())
    return key.hexdigest()[:32]


def _write_whole(table: pd.DataFrame, path: Path) -> None:
    """Write beside the target, then rename: a reader sees the whole file or none."""
    handle, name = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        table.to_parquet(temporary, index=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
