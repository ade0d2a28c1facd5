"""Many walks at once: the same numbers for any worker count, backend, and interruption."""

import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.volatility import many
from riskkit.volatility.many import walk_forward_many
from riskkit.volatility.spec import VolatilitySpec
from riskkit.volatility.walkforward import walk_forward

SPECS = [VolatilitySpec.parse(name) for name in ("garch-t", "gjr-t")]


@pytest.fixture(scope="module")
def assets(sp500: pd.Series, wti: pd.Series) -> dict[str, pd.Series]:
    return {"sp500": sp500.iloc[-600:], "wti": wti.iloc[-500:]}


@pytest.fixture(scope="module")
def serial(assets: dict[str, pd.Series]) -> pd.DataFrame:
    return walk_forward_many(assets, SPECS, 400)


def test_walks_lie_one_below_the_other(assets: dict[str, pd.Series], serial: pd.DataFrame) -> None:
    assert len(serial) == 2 * (200 + 100)
    assert list(dict.fromkeys(zip(serial["asset"], serial["model"], strict=True))) == [
        ("sp500", "garch-t"), ("sp500", "gjr-t"), ("wti", "garch-t"), ("wti", "gjr-t"),
    ]  # fmt: skip
    alone = walk_forward(assets["wti"], SPECS[1], 400)
    part = serial.iloc[-100:].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.drop(columns="asset"), alone.drop(columns="asset"))


@pytest.mark.parametrize(("workers", "backend"), [(2, "threading"), (3, "threading"), (2, "loky")])
def test_workers_and_backends_change_nothing(
    assets: dict[str, pd.Series], serial: pd.DataFrame, workers: int, backend: str
) -> None:
    seen: list[tuple[int, int]] = []
    table = walk_forward_many(
        assets, SPECS, 400, workers=workers, backend=backend,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    pd.testing.assert_frame_equal(table, serial, check_exact=True)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_dask_worker_killed_midway_changes_nothing(
    assets: dict[str, pd.Series], serial: pd.DataFrame
) -> None:
    """Two worker processes on loopback; one is killed when the first walk has ended."""
    import distributed

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    with cluster, distributed.Client(cluster) as client:
        table = walk_forward_many(assets, SPECS, 400, backend="dask", progress=kill_one)
    assert killed
    pd.testing.assert_frame_equal(table, serial, check_exact=True)


def test_an_interrupted_run_is_resumed_with_the_same_result(
    assets: dict[str, pd.Series],
    serial: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walked: list[str] = []

    def interrupted(returns: pd.Series, spec: VolatilitySpec, *args: int, **kw: bool) -> object:
        if len(walked) == 2:
            raise KeyboardInterrupt
        walked.append(spec.name)
        return walk_forward(returns, spec, *args, **kw)

    monkeypatch.setattr(many, "walk_forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        walk_forward_many(assets, SPECS, 400, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2

    def counted(returns: pd.Series, spec: VolatilitySpec, *args: int, **kw: bool) -> object:
        walked.append(spec.name)
        return walk_forward(returns, spec, *args, **kw)

    monkeypatch.setattr(many, "walk_forward", counted)
    resumed = walk_forward_many(assets, SPECS, 400, cache=tmp_path)
    assert len(walked) == 4
    pd.testing.assert_frame_equal(resumed, serial, check_exact=True)
    assert not list(tmp_path.glob("*.tmp"))
    again = walk_forward_many(assets, SPECS, 400, cache=tmp_path)
    assert len(walked) == 4
    pd.testing.assert_frame_equal(again, serial, check_exact=True)


def test_other_data_or_arguments_do_not_reuse_a_walk(
    assets: dict[str, pd.Series], tmp_path: Path
) -> None:
    one = {"wti": assets["wti"]}
    walk_forward_many(one, SPECS[:1], 400, cache=tmp_path)
    walk_forward_many({"wti": assets["wti"] * 2.0}, SPECS[:1], 400, cache=tmp_path)
    walk_forward_many(one, SPECS[:1], 450, cache=tmp_path)
    walk_forward_many(one, SPECS[:1], 400, expanding=True, cache=tmp_path)
    walk_forward_many({"wti": assets["wti"].shift(1, "D")}, SPECS[:1], 400, cache=tmp_path)
    assert len(list(tmp_path.glob("*.parquet"))) == 5


def test_bad_input_is_refused_before_any_walk(assets: dict[str, pd.Series]) -> None:
    with pytest.raises(InputError, match=r"assets: got 0; must not be empty"):
        walk_forward_many({}, SPECS, 400)
    with pytest.raises(InputError, match=r"specs: got 0; must not be empty"):
        walk_forward_many(assets, [], 400)
    with pytest.raises(InputError, match=r"window: got 500; must be shorter than the 500"):
        walk_forward_many(assets, SPECS, 500)
