"""How JupyterLab serves this project: ``make lab`` uses it, and ``jupyter lab`` from this folder.

Rooted here, so that studies, data and out/ can be reached; saving a notebook leaves the tree clean.
"""

from pathlib import Path

from riskkit.lab.notebook_save import before_save

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.root_dir = str(Path(__file__).parent)
c.LabApp.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.ContentsManager.pre_save_hook = before_save
