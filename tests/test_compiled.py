"""Kernels: their types, that they wait to be asked, and that they run as they are written."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest
from numba import njit, types

from riskkit.compiled import (
    Address,
    Kernel,
    Matrix,
    Real,
    Truth,
    Vector,
    Whole,
    compiled,
    native_type,
    signature_of,
)
from riskkit.paths.draws import Block, Draws
from riskkit.simulation.counted_grid import Barriers
from tests.support import ROOT


class Pair(NamedTuple):
    left: Vector
    right: Vector


Halving = Annotated[Any, Address((Real,), Real)]


@compiled(cache=False)
def half(x: Real) -> Real:
    return x / 2.0


@compiled(cache=False)
def weighted_sum(pair: Pair, count: Whole) -> tuple[Real, Whole]:
    total = 0.0
    for i in range(count):
        total += half(pair.left[i]) * pair.right[i]
    return total, count


@compiled(cache=False)
def applied(f: Halving, x: Real) -> Real:
    return f(x)


@compiled(cache=False)
def three_summed(a: Real, b: Real, c: Real) -> Real:
    return a + b + c


@compiled(cache=False, fastmath=True)
def loosely_summed(a: Real, b: Real, c: Real) -> Real:
    return three_summed(a, b, c) + 1.0


def test_a_kernel_compiled_for_a_loose_caller_stays_strict():
    def additions(kernel: Kernel) -> list[str]:
        (text,) = kernel.native.inspect_llvm().values()
        return [line for line in text.splitlines() if " fadd " in line]

    assert not three_summed.is_compiled
    loose = additions(loosely_summed)
    assert three_summed.is_compiled
    assert any("fast" in line for line in loose)
    strict = additions(three_summed)
    assert strict
    assert not any("fast" in line for line in strict)


@pytest.mark.parametrize(
    ("hint", "native"),
    [
        (Whole, types.int64),
        (Truth, types.boolean),
        (Vector, types.float64[::1]),
        (Matrix, types.float64[:, ::1]),
        (None, types.void),
        (tuple[Real, Real], types.UniTuple(types.float64, 2)),
        (tuple[Real, Whole], types.Tuple([types.float64, types.int64])),
        (Pair, types.NamedUniTuple(types.float64[::1], 2, Pair)),
    ],
)
def test_an_annotation_is_a_numba_type(hint, native):
    assert native_type(hint) == native


@pytest.mark.parametrize(
    "value",
    [
        Draws(1, *(np.zeros(1),) * 2, np.zeros(1, np.uint16), *(np.zeros(1),) * 5),
        Block(np.zeros(2), np.zeros(2, np.int64), *(np.zeros(2),) * 4),
        Barriers(*(np.zeros(2),) * 3, np.zeros(2, np.int64)),
    ],
)
def test_a_named_tuple_is_typed_as_numba_types_its_values(value):
    from numba import typeof

    assert native_type(type(value)) == typeof(value)


def test_an_annotation_that_no_kernel_speaks_is_refused():
    with pytest.raises(TypeError, match="not a type that a compiled function takes"):
        native_type(float)


def test_a_kernel_runs_as_it_is_written():
    pair = Pair(np.array([1.0, 3.0]), np.array([5.0, 7.0]))
    assert weighted_sum(pair, 2) == weighted_sum.py_func(pair, 2) == (13.0, 2)


def test_other_compiled_code_calls_a_kernel():
    @njit
    def twice(x):
        return half(x) + half(x)

    assert twice(3.0) == 3.0


def test_a_kernel_takes_another_one_by_its_address():
    assert native_type(Halving) == types.FunctionType(types.float64(types.float64))
    assert applied(half.native, 8.0) == 4.0


def test_a_kernel_is_pickled_by_its_name():
    from riskkit.paths.draws import draw_shocks

    assert pickle.loads(pickle.dumps(draw_shocks)) is draw_shocks
    assert isinstance(draw_shocks, Kernel)


def test_a_signature_keeps_the_order_of_its_arguments():
    found = signature_of(weighted_sum.py_func)
    assert found.args == (native_type(Pair), types.int64)
    assert found.return_type == types.Tuple([types.float64, types.int64])


ROOMS = (
    "riskkit.paths.moves",
    "riskkit.simulation.exits",
    "riskkit.simulation.counted_grid",
    "riskkit.simulation.weighted_grid",
)


def test_importing_a_room_with_kernels_neither_imports_numba_nor_compiles():
    code = f"import sys, {', '.join(ROOMS)}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


READ_ONLY = """
from riskkit.compiled import Real, compiled

@compiled()
def doubled(x: Real) -> Real:
    return 2.0 * x

@compiled()
def quadrupled(x: Real) -> Real:
    return doubled(doubled(x))

print(quadrupled(2.0))
"""


def test_kernels_run_where_no_folder_can_keep_them_and_one_line_says_so(tmp_path):
    package = tmp_path / "riskkit"
    package.mkdir()
    shutil.copy(ROOT / "riskkit" / "compiled.py", package)
    (package / "__init__.py").write_text("")
    (tmp_path / "kernels.py").write_text(READ_ONLY)
    for folder in (package, tmp_path):  # a file where the cache would be: no user could write there
        (folder / "__pycache__").write_text("")
    found = subprocess.run(
        [sys.executable, "-c", "import kernels, os; print(os.environ['NUMBA_CACHE_DIR'])"],
        env={"PATH": os.environ["PATH"], "HOME": "/proc", "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    answer, folder = found.stdout.split()
    assert float(answer) == 8.0
    assert not Path(folder).exists()
    assert len(found.stderr.splitlines()) == 1
    assert "set NUMBA_CACHE_DIR" in found.stderr


MOVED = """
from typing import NamedTuple
from riskkit.compiled import Real, compiled

class {name}(NamedTuple):
    left: Real
    right: Real

@compiled()
def inner(pair: {name}) -> Real:
    return pair.left * pair.right

@compiled()
def outer(pair: {name}) -> Real:
    return {factor} * inner(pair)

print(outer({name}(2.0, 3.0)))
"""


def test_kernels_kept_by_a_version_with_other_types_are_made_anew(tmp_path):
    """An upgrade leaves numba's files of the version before beside the package."""
    answers = []
    for name, factor in (("Before", 1.0), ("After", 10.0)):
        (tmp_path / "moved.py").write_text(MOVED.format(name=name, factor=factor))
        found = subprocess.run(
            [sys.executable, "-B", "-c", "import moved"],
            env=os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "k")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        answers.append(float(found.stdout))
        assert found.stderr.count("once (riskkit warm-up does it ahead)") == 1
    assert answers == [6.0, 60.0]
    assert list((tmp_path / "k").rglob("*.nbi"))


def test_it_is_said_once_that_kernels_are_made_and_not_when_they_are_kept(tmp_path):
    (tmp_path / "kernels.py").write_text(READ_ONLY)
    said = [
        subprocess.run(
            [sys.executable, "-c", "import kernels"],
            env=os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "k")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    assert len(said[0].splitlines()) == 1
    assert "riskkit warm-up" in said[0]
    assert said[1] == ""
