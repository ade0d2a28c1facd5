"""The parameter file, guardrails on change, and one exporter per venue format."""
