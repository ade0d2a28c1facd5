"""A calibration's figures for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskkit.calibration.result import Calibration
from riskkit.lab.figures import drawn
from riskkit.lab.template import Theme

if TYPE_CHECKING:
    import plotly.graph_objects as go


def returns_and_sigma(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Log returns with the fitted volatility around them; sigma[t] uses returns up to t - 1."""
    return drawn.returns_and_sigma(calibration).figure(theme)


def dynamic_margin(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Requirement along history, out of sample, against what each period called for."""
    return drawn.dynamic_margin(calibration).figure(theme)


def loss_tail(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """Probability of a loss beyond x over the margin period of risk, with the chosen numbers."""
    return drawn.loss_tail(calibration).figure(theme)


def frontier(calibration: Calibration, theme: Theme = Theme.LIGHT) -> go.Figure:
    """The trade-off in two panels, with 95 % bands, targets and recommended points.

    A star is the recommended number on its own curve: the safe end of its band, floor included.
    Left, P(default | liquidation) against MM (LT); right, P(liquidation within the reaction time)
    against IM - MM (LT - LTV). Both start from the study's state.
    """
    return drawn.frontier(calibration).figure(theme)
