"""Many markets in one night: planned, run anywhere, resumed, and compared with the last night."""
