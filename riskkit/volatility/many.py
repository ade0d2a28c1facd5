"""Walk many assets and models forward, in parallel and resumable."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.errors import InputError
from riskkit.market.returns import Returns
from riskkit.volatility.sample import check_returns
from riskkit.volatility.spec import VolatilitySpec, spec_named
from riskkit.volatility.walkforward import check_arguments, walk_forward

CACHE_VERSION = 3
"""Part of every cache key: raise it when a walk's numbers or columns change."""

Progress = Callable[[int, int], None]


def walk_forward_many(
    assets: Mapping[str, Returns | pd.Series],
    specs: Sequence[VolatilitySpec | str],
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
    specs : sequence of VolatilitySpec or str
    window, refit_every, expanding
        As in `walk_forward`.
    workers : int
        joblib's ``n_jobs``. The kernels release the GIL, so threads do.
    backend : str
        ``"dask"`` (with a client running), or a backend of joblib: ``"threading"``, ``"loky"``.
        Through Dask each walk carries its returns, so that it is done again when its worker dies.
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

    Examples
    --------
    >>> import riskkit
    >>> returns = riskkit.log_returns(riskkit.load_prices("data/eth_usd_daily.csv"))
    >>> walk = riskkit.walk_forward_many({"ETH": returns}, ["gjr-normal"], 2_000, refit_every=500)
    >>> bool((walk["origin"] < walk["target"]).all())
    True
    """
    if not assets or not specs:
        raise InputError(
            "assets" if not assets else "specs", 0, "must not be empty", "Give at least one"
        )
    known = [spec_named(spec) for spec in specs]
    for returns in assets.values():
        sample = check_returns(returns)
        for spec in known:
            check_arguments(sample, spec, window, refit_every)
    folder = None if cache is None else Path(cache)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    if backend == "threading":
        from riskkit.volatility.warmup import warm_up

        warm_up()  # once, here: threads that compile the same kernel wait for each other
    tasks = [(name, spec) for name in assets for spec in known]
    tables: list[pd.DataFrame] = []
    walks = [
        (name, assets[name], spec, window, refit_every, expanding, folder) for name, spec in tasks
    ]
    for table in (
        _dask_walks(walks) if backend == "dask" else _joblib_walks(walks, backend, workers)
    ):
        tables.append(table)
        if progress is not None:
            progress(len(tables), len(tasks))
    whole: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return whole


def _joblib_walks(
    walks: Sequence[tuple[Any, ...]], backend: str, workers: int
) -> Iterator[pd.DataFrame]:
    """Tables in the order asked for, as joblib's backend ends them."""
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend=backend, n_jobs=workers):
        yield from Parallel(return_as="generator")(delayed(_walk)(*walk) for walk in walks)


def _dask_walks(walks: Sequence[tuple[Any, ...]]) -> Iterator[pd.DataFrame]:
    """Tables in the order asked for, from the workers of the client in force.

    joblib's own backend scatters every argument over a kilobyte onto one worker first; data that
    were scattered cannot be computed again, and are gone with it.
    """
    from distributed import get_client

    client: Any = get_client()
    for future in [client.submit(_walk, *walk, pure=False) for walk in walks]:
        yield future.result()


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
