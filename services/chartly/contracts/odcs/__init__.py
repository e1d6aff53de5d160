"""Contracts of the Open Data Contract Standard."""
