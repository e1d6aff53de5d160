"""Data held against a contract, with the place of each error."""
