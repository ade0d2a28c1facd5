"""How assets move together: joint rows of fitted residuals, rotated to today's correlation."""
