"""Figures: pure functions from a result to a plotly figure; they draw, and compute nothing."""

from riskkit.lab.figures.calibrated import dynamic_margin, frontier, loss_tail, returns_and_sigma

__all__ = ["dynamic_margin", "frontier", "loss_tail", "returns_and_sigma"]
