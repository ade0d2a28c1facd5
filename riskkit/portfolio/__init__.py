"""Accounts of several positions: their loss, their margin, and what a venue publishes for them."""
