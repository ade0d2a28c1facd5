"""Where a venue's file comes from: a small JSON file beside it.

A venue's format has no room for it, and what was declared must outlive the command.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Literal

import riskkit
from riskkit.parameters.file import ParameterFile
from riskkit.parameters.sections import Part, Sha256
from riskkit.parameters.write import canonical_json, write_atomically
from riskkit.proof.assets import Agreement


class ExportRecord(Part):
    """What a venue's file was made from."""

    kind: Literal["riskkit export"]
    schema_version: Literal[1]
    riskkit_version: str
    venue: str
    market: str
    sha256: Sha256
    live_sha256: Sha256 | None
    parameter_file_title: str
    parameter_file_as_of_date: date
    parameter_file_status: str
    parameter_file_sha256: Sha256
    study_asset: str
    market_asset: str | None
    asset_declared_to_be: str | None


def record_of(
    file: ParameterFile, venue: str, market: str, text: str, live: str | None, asset: Agreement
) -> ExportRecord:
    """The provenance of an exported text.

    Parameters
    ----------
    live : str or None
        Text of the live file that ids and caps were taken from.
    """
    return ExportRecord(
        kind="riskkit export",
        schema_version=1,
        riskkit_version=riskkit.__version__,
        venue=venue,
        market=market,
        sha256=_digest(text),
        live_sha256=None if live is None else _digest(live),
        parameter_file_title=file.header.title,
        parameter_file_as_of_date=file.header.as_of_date,
        parameter_file_status=file.header.status,
        parameter_file_sha256=file.header.digest.content_sha256,
        study_asset=asset.study,
        market_asset=asset.market,
        asset_declared_to_be=asset.declared,
    )


def write_record(written: Path, record: ExportRecord) -> Path:
    """Write it beside the venue's file: ``proposal.ts.provenance.json``."""
    content = canonical_json(record.model_dump(mode="json"))
    return write_atomically(written.with_name(f"{written.name}.provenance.json"), content)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
