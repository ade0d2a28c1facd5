"""What besides study and prices a parameter file's bits depend on: versions, and the processor."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import riskkit

#: Packages whose release can move a number.
PACKAGES = ("numpy", "scipy", "pandas", "numba", "llvmlite", "arch", "statsmodels")


@dataclass(frozen=True)
class Identity:
    """A machine as far as numbers go: two of the same identity give the same bits.

    Attributes
    ----------
    riskkit : str
        Version.
    packages : tuple of (str, str)
        Name and version of each of `PACKAGES` that is installed.
    processor : str
        Name and a digest of its features, as the compiler of the kernels sees them: exp and log
        differ in the last bit between processors.
    """

    riskkit: str
    packages: tuple[tuple[str, str], ...]
    processor: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "packages": dict(self.packages)}

    def differences(self, other: Identity) -> tuple[str, ...]:
        """What differs, in words: ``numpy 2.4.0 / 2.3.1``."""
        mine, theirs = dict(self.packages), dict(other.packages)
        names = sorted(mine.keys() | theirs.keys())
        pairs = [("riskkit", self.riskkit, other.riskkit)]
        pairs += [(name, mine.get(name, "none"), theirs.get(name, "none")) for name in names]
        pairs.append(("processor", self.processor, other.processor))
        return tuple(f"{name} {a} / {b}" for name, a, b in pairs if a != b)


def this_machine() -> Identity:
    """The identity of the process that asks."""
    from llvmlite import binding

    features = binding.get_host_cpu_features().flatten()
    digest = hashlib.sha256(features.encode()).hexdigest()[:12]
    return Identity(
        riskkit.__version__,
        tuple((name, found) for name in PACKAGES if (found := _version(name)) is not None),
        f"{binding.get_host_cpu_name()} {digest}",
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
