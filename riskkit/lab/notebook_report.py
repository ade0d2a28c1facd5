"""Run a notebook with a user's parameters and write it as one page that needs no network."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from riskkit.errors import InputError, RiskkitError
from riskkit.lab.on_page import as_written
from riskkit.lab.scheme import follow_scheme
from riskkit.parameters.write import write_atomically

FIGURE = "application/vnd.plotly.v1+json"
#: An explorer's figure as it was first shown, beside the widget: a page has no kernel to ask.
EXPLORER = "application/vnd.riskkit.explorer+json"
WIDGET = "application/vnd.jupyter.widget-view+json"


def report_notebook(
    out: str | Path,
    parameters: Mapping[str, Any],
    *,
    notebook: str | Path | None = None,
    folder: str | Path | None = None,
    code: bool = True,
    timeout: int = 1_800,
) -> Path:
    """Run a notebook in a fresh kernel and write it as a self-contained HTML page.

    Parameters
    ----------
    out : path
        The page. It appears whole or not at all: a notebook that stops leaves no page behind.
    parameters : mapping
        Values for the cell tagged ``parameters``; a name that is not there is refused.
    notebook : path, optional
        By default the study notebook that ships with riskkit, which takes ``study``.
    folder : path, optional
        Folder the kernel runs in; by default the notebook's own, or the current one for the
        notebook that ships.
    code : bool
        Show the code above its results.
    timeout : int
        Seconds a single cell may take.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    InputError
        If the notebook cannot be read, does not know a parameter, or one of its cells stops.
    """
    if notebook is None:
        with as_file(files("riskkit.lab").joinpath("study.ipynb")) as shipped:
            return _report(Path(out), shipped, parameters, folder or Path.cwd(), code, timeout)
    path = Path(notebook)
    if not path.is_file():
        raise InputError(
            "notebook", str(path), "must be a notebook file", "Check its name and your folder"
        )
    return _report(Path(out), path, parameters, folder or path.parent, code, timeout)


def report_folder(notebooks: str | Path, out: str | Path) -> list[Path]:
    """Run every notebook of a folder with its own parameters; their links lead to the pages."""
    pages = []
    for notebook in sorted(Path(notebooks).glob("*.ipynb")):
        page = report_notebook(
            Path(out) / notebook.with_suffix(".html").name, {}, notebook=notebook
        )
        text = page.read_text(encoding="utf-8")
        write_atomically(page, re.sub(r'(href="\d\d_\w+)\.ipynb"', r'\1.html"', text))
        print(page, flush=True)
        pages.append(page)
    return pages


def _report(
    out: Path,
    notebook: Path,
    parameters: Mapping[str, Any],
    folder: str | Path,
    code: bool,
    timeout: int,
) -> Path:
    with TemporaryDirectory() as scratch:
        executed = Path(scratch) / notebook.name
        run_notebook(notebook, executed, parameters, folder=folder, timeout=timeout)
        return write_atomically(out, to_page(executed, code=code))


def run_notebook(
    notebook: str | Path,
    executed: str | Path,
    parameters: Mapping[str, Any],
    *,
    folder: str | Path,
    timeout: int = 1_800,
) -> None:
    """Run a notebook in a fresh kernel and keep it, with its outputs, as ``executed``.

    Parameters and errors as in `report_notebook`; figures are kept as data.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    _check_parameters(Path(notebook), parameters)
    with TemporaryDirectory() as sockets, _figures_as_data():
        # Sockets in a folder of their own: no port is opened, and no other kernel can take one.
        ipc = {"transport": "ipc", "ip": str(Path(sockets) / "kernel")}
        try:
            papermill.execute_notebook(
                notebook,
                executed,
                parameters=dict(parameters),
                cwd=str(folder),
                kernel_name="python3",
                progress_bar=False,
                start_timeout=timeout,
                execution_timeout=timeout,
                store_widget_state=False,
                config=Config({"KernelManager": ipc if os.name == "posix" else {}}),
            )
        except CellTimeoutError:
            rule = f"must run every cell within {timeout:,} s"
            remedy = "Lower simulation.paths, or run it when the machine is less busy"
            raise InputError("notebook", Path(notebook).name, rule, remedy) from None
        except RuntimeError as error:  # of a kernel that dies at work, or before its first answer
            if "kernel" not in str(error).lower():
                raise
            rule = "must run to its end: its kernel died, for want of memory perhaps"
            remedy = "Free some memory, or lower simulation.paths, and run it again"
            raise InputError("notebook", Path(notebook).name, rule, remedy) from None
        except PapermillExecutionError as error:
            name = Path(notebook).name
            raise RiskkitError(f"{name} stopped. {error.ename}: {error.evalue}") from None


def to_page(executed: Path, *, code: bool = True) -> str:
    """HTML of an executed notebook; nothing in it is fetched when it is opened."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call]
    _draw_figures(notebook)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        exclude_input=not code, exclude_input_prompt=True, exclude_output_prompt=True
    )
    exporter.raw_template = files("riskkit.lab").joinpath("notebook.html.j2").read_text("utf-8")
    resources = {"metadata": {"name": _title(notebook) or executed.stem}}
    page, _ = exporter.from_notebook_node(notebook, resources | {"follow_scheme": follow_scheme()})
    return str(page)


def _title(notebook: Any) -> str:
    """The first heading, for the browser's tab."""
    lines = [line for cell in notebook.cells for line in cell.source.splitlines()]
    return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), "")


def _draw_figures(notebook: Any) -> None:
    """Give each figure its HTML; the first one carries plotly's script for all.

    plotly's own renderer for notebooks would ask a server for MathJax.
    """
    import plotly.io as pio

    drawn = 0
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if EXPLORER in data:
                data[FIGURE] = data.pop(EXPLORER)
                data.pop(WIDGET, None)
            if FIGURE not in data:
                continue
            figure = data[FIGURE]
            data["text/html"] = pio.to_html(
                {"data": figure["data"], "layout": as_written(figure["layout"])},
                include_plotlyjs=drawn == 0,
                include_mathjax=False,
                full_html=False,
                div_id=f"figure-{drawn + 1}",
                config={"displaylogo": False, "responsive": True},
                validate=False,
            )
            drawn += 1


def _check_parameters(notebook: Path, parameters: Mapping[str, Any]) -> None:
    import papermill

    try:
        known = papermill.inspect_notebook(notebook)
    except ValueError as error:
        raise InputError(
            "notebook",
            notebook.name,
            f"must be a notebook that names its kernel ({error})",
            "Open it in JupyterLab and save it once",
        ) from None
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise InputError(
            "parameters",
            ", ".join(unknown),
            f"must be among those of {notebook.name}: {', '.join(known) or 'none'}",
            "Correct the name, or choose another notebook",
        )


@contextmanager
def _figures_as_data() -> Iterator[None]:
    """Kernels started inside hand figures over as data, for `_draw_figures`."""
    before = os.environ.get("PLOTLY_RENDERER")
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PLOTLY_RENDERER"]
        else:
            os.environ["PLOTLY_RENDERER"] = before
