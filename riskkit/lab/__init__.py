"""Figures, explorers and reports: the only room that draws."""
