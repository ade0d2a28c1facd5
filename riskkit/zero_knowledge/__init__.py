"""Statements about secret numbers that show nothing but that they are true. No external review."""
