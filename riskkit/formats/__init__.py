"""The files that venues keep, and the rules by which they may change."""
