"""Contracts that are JSON Schemas: read with their places, kept safe to run, linted and compared."""
