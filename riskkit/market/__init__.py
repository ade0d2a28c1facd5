"""Price history with its provenance and quality report, and its returns."""
