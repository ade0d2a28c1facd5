"""The loss distribution over the margin period of risk."""
