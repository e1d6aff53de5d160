"""Contracts made of proto files: compiled in worker processes, linted and compared on four layers."""
