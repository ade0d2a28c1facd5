"""Coverage, shortfall and procyclicality tests, and the replay of history."""
