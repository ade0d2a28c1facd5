"""The mechanism and its parameters: margin, thresholds, oracle, liquidation."""
