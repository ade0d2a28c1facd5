"""The study, and what it recommends."""
