"""The table of peers: what it names, and what is refused in words."""

import pandas as pd
import pytest

from riskkit.errors import InputError
from riskkit.study.peers import PeersSection, load_peers
from riskkit.study.study import parse_study

HOURS = pd.date_range("2024-01-01", periods=30, freq="1h", tz="UTC")


def content(**peers):
    return {
        "schema_version": 2,
        "title": "t",
        "as_of": "2024-02-01",
        "data": {"asset": "NEW", "prices": "new.csv"},
        "peers": peers,
    }


def written(folder, name, times=HOURS, price=100.0):
    table = pd.DataFrame({"time": times.strftime("%Y-%m-%d %H:%M:%S")})
    table["close"] = [price + k % 7 for k in range(len(times))]
    table.to_csv(folder / name, index=False)
    return folder / name


@pytest.fixture
def own(tmp_path):
    from riskkit.market import load_prices

    return load_prices(written(tmp_path, "new.csv", HOURS[-5:], 3.0), asset="NEW")


def test_peers_are_known_up_to_the_end_of_the_young_market(tmp_path, own):
    late = HOURS + pd.Timedelta("10h")
    for name, times in (("a.csv", HOURS), ("b.csv", late)):
        written(tmp_path, name, times, 50.0)
    found = load_peers(PeersSection(prices=("a.csv", "b.csv")), tmp_path, own)
    assert list(found) == ["a", "b"]
    assert all(history.last <= own.last for history in found.values())
    assert len(found["b"]) == 20


def test_the_market_itself_other_bars_and_no_overlap_are_refused(tmp_path, own):
    with pytest.raises(InputError, match="another market"):
        load_peers(PeersSection(prices=("new.csv",)), tmp_path, own)
    written(tmp_path, "days.csv", pd.date_range("2023-01-01", periods=40, tz="UTC"), 9.0)
    with pytest.raises(InputError, match="bars as long"):
        load_peers(PeersSection(prices=("days.csv",)), tmp_path, own)
    written(tmp_path, "later.csv", HOURS + pd.Timedelta("90D"), 9.0)
    with pytest.raises(InputError, match="overlap"):
        load_peers(PeersSection(prices=("later.csv",)), tmp_path, own)


@pytest.mark.parametrize(
    ("peers", "words"),
    [
        ({"prices": []}, "must name a file"),
        ({"prices": ["a.csv"], "names": ["A", "B"]}, "one for each file"),
        ({"prices": ["a.csv", "x/a.csv"]}, "must differ"),
        ({"prices": ["a.csv"], "died": ["LUNA"]}, "no peer"),
    ],
)
def test_what_contradicts_itself_is_refused(peers, words):
    with pytest.raises(InputError, match=words):
        parse_study(content(**peers))


def test_a_study_without_peers_writes_none_of_it():
    plain = content()
    del plain["peers"]
    assert "peers" not in parse_study(plain).model_dump(mode="json")
