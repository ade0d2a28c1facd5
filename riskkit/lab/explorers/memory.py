"""What was computed lately, by what it depends on: a slider leaves most of an answer as it was."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

Found = TypeVar("Found")

#: Entries kept. A setting needs about 24 of them, of at most 5 MB (100,000 paths): some 70 MB.
KEPT = 40


class Memory:
    """The last results of pure functions. A result is never changed once it is here.

    Two threads that ask for the same key at once may both compute it: the results are equal.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._found: OrderedDict[Hashable, Any] = OrderedDict()
        self._kept, self._lock = kept, Lock()

    def of(self, key: Hashable, compute: Callable[[], Found]) -> Found:
        """The result under a key, computed if it is not kept.

        Parameters
        ----------
        key : hashable
            Everything that the result depends on, and what it is.
        compute : callable
        """
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                found: Found = self._found[key]
                return found
        found = compute()
        with self._lock:
            self._found[key] = found
            while len(self._found) > self._kept:
                self._found.popitem(last=False)
        return found
