"""Compiled functions: the types they speak, and the one decorator that makes them.

A kernel's signature is what its annotations say: `Vector`, `Whole` and the other types below, and
named tuples of them. Its decorator compiles nothing and does not import numba: the machine code
is made, or read from the cache on disk, when the kernel is first called, or by `compile_module`.
Kernels release the interpreter's lock, divide by zero as numpy does, and are cached beside the
package (after editing one, delete the cache of the modules that call it: numba watches the file of
a function, not those of the functions it calls).

A kernel that takes named tuples should unpack the arrays it loops over at its top: the compiler
sees plain arrays then, and vectorises.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import logging
import os
import pickle
import shutil
import tempfile
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

P = ParamSpec("P")
R = TypeVar("R")
UNREADABLE = (AttributeError, ImportError, EOFError, pickle.UnpicklingError)


@dataclass(frozen=True)
class Layout:
    """A number (``axes`` 0), or an array without gaps, of one of numba's number types."""

    number: str
    axes: int = 0


@dataclass(frozen=True)
class Address:
    """A kernel that is called by its address, with what it takes and returns."""

    arguments: tuple[Any, ...]
    returns: Any


Whole = Annotated[int, Layout("int64")]
Word = Annotated[Any, Layout("uint64")]
Real = Annotated[float, Layout("float64")]
Truth = Annotated[bool, Layout("boolean")]
Vector = Annotated[npt.NDArray[np.float64], Layout("float64", 1)]
Matrix = Annotated[npt.NDArray[np.float64], Layout("float64", 2)]
Cube = Annotated[npt.NDArray[np.float64], Layout("float64", 3)]
Integers = Annotated[npt.NDArray[np.int64], Layout("int64", 1)]
IntegerMatrix = Annotated[npt.NDArray[np.int64], Layout("int64", 2)]
SmallCube = Annotated[npt.NDArray[np.int32], Layout("int32", 3)]
Slots = Annotated[npt.NDArray[np.uint16], Layout("uint16", 1)]
Flags = Annotated[npt.NDArray[np.bool_], Layout("boolean", 1)]
FlagMatrix = Annotated[npt.NDArray[np.bool_], Layout("boolean", 2)]


class Kernel(Generic[P, R]):
    """A function that is compiled when first called.

    Attributes
    ----------
    py_func : callable
        The function as written: the same steps in plain Python.
    targetoptions : dict
        numba's options.
    """

    def __init__(self, function: Callable[P, R], options: dict[str, Any]) -> None:
        self.py_func = function
        self.targetoptions = options
        self._native: Any = None
        functools.update_wrapper(self, function)

    @property
    def native(self) -> Any:
        """The dispatcher of numba, compiled: what is handed to a kernel that takes a function."""
        if self._native is None:
            from numba import njit
            from numba.core.compiler_lock import global_compiler_lock

            with global_compiler_lock:
                if self._native is None:
                    lasting = keep_kernels()
                    make = njit(signature_of(self.py_func), **self.targetoptions)
                    try:
                        self._native = make(self.py_func)
                    except UNREADABLE:
                        # Kept by a version whose named tuples lay elsewhere: numba reads the types
                        # in its index before it asks whether the index is out of date.
                        njit(**self.targetoptions)(self.py_func)._cache.flush()
                        self._native = make(self.py_func)
                    # With NUMBA_DISABLE_JIT the source itself comes back, and nothing is made.
                    made = getattr(self._native, "stats", None)
                    if lasting and made is not None and made.cache_misses:
                        _say_compiling()
        return self._native

    @property
    def is_compiled(self) -> bool:
        """Whether its machine code has been made or loaded."""
        return self._native is not None

    @property
    def _numba_type_(self) -> Any:  # how numba types a kernel that another kernel calls
        return self.native._numba_type_

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Run the compiled function."""
        return (self._native or self.native)(*arguments, **named)  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return _kernel_named, (self.py_func.__module__, self.py_func.__qualname__)


@functools.cache
def keep_kernels() -> bool:
    """See to it, once a process, that numba has a folder for its cache; whether it lasts.

    Where it has none (neither the package's nor the user's can be written) it would refuse to
    compile. Then kernels are kept in a folder that goes with the process, and one line says so.
    """
    from numba import config, njit

    try:
        njit(cache=True)(_probe)
    except RuntimeError:  # "no locator available"
        folder = tempfile.mkdtemp(prefix="riskkit-kernels-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # Workers of this process find it in the environment.
        os.environ["NUMBA_CACHE_DIR"] = folder
        config.CACHE_DIR = folder  # type: ignore[attr-defined]
        logging.getLogger("riskkit").warning(
            "riskkit compiles its kernels anew for this process, since no folder can be written to "
            "keep them: set NUMBA_CACHE_DIR to one that can"
        )
        return False
    return True


@functools.cache
def _say_compiling() -> None:
    """Say once why a first command takes minutes: the first kernel of many has just been made."""
    logging.getLogger("riskkit").warning(
        "riskkit compiles kernels that this installation has not kept yet: up to three minutes, "
        "once (riskkit warm-up does it ahead)"
    )


def _probe() -> None:
    """What `keep_kernels` asks numba to find a folder for."""


def compiled(**options: Any) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Compile a function whose annotations are types of this module, when it is first used.

    Parameters
    ----------
    **options
        numba's, beside those that every kernel has.
    """
    # Not said, the freedom to reorder sums would be inherited: a kernel that is first compiled for
    # a caller with fastmath would round otherwise than one that is compiled for itself.
    every = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": False, **options}
    return lambda function: Kernel(function, every)


def inlined(function: Callable[P, R]) -> Kernel[P, R]:
    """Compile a function as a part of the kernels that call it.

    For small functions over named tuples of arrays: passed by value and counted at every step, the
    arrays would cost ten times the arithmetic. It counts no references, so that it may neither make
    an array nor return one.
    """
    return compiled(_nrt=False, forceinline=True)(function)


def compile_module(name: str) -> None:
    """Import a module and compile every kernel it names, or read them from the cache."""
    for value in list(vars(importlib.import_module(name)).values()):
        if isinstance(value, Kernel):
            value.native  # noqa: B018 - asking for it compiles it


def signature_of(function: Callable[..., Any]) -> Any:
    """The numba signature of a function, read from its annotations.

    Raises
    ------
    TypeError
        If an annotation is not a type that kernels speak.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    returns = native_type(hints.pop("return"))
    return returns(*(native_type(hint) for hint in hints.values()))


def native_type(hint: Any) -> Any:
    """The numba type of an annotation: one of this module, a (named) tuple of them, or None."""
    from numba import types as untyped

    types: Any = untyped
    for note in getattr(hint, "__metadata__", ()):
        if isinstance(note, Layout):
            number = getattr(types, note.number)
            return types.Array(number, note.axes, "C") if note.axes else number
        if isinstance(note, Address):
            arguments = [native_type(argument) for argument in note.arguments]
            return types.FunctionType(native_type(note.returns)(*arguments))
    if hint is None or hint is type(None):
        return types.void
    if typing.get_origin(hint) is tuple:
        parts = [native_type(part) for part in typing.get_args(hint)]
        one_kind = len(set(parts)) == 1
        return types.UniTuple(parts[0], len(parts)) if one_kind else types.Tuple(parts)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields"):
        found = typing.get_type_hints(hint, include_extras=True)
        parts = [native_type(found[name]) for name in hint._fields]
        if len(set(parts)) == 1:
            return types.NamedUniTuple(parts[0], len(parts), hint)
        return types.NamedTuple(parts, hint)
    raise TypeError(f"{hint!r} is not a type that a compiled function takes")


def _kernel_named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)
