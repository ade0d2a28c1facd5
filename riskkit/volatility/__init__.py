"""Volatility: the spec, the fit with its health, the walk-forward, and the path kernel."""
