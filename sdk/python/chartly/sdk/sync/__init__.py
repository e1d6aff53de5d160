# Made by `make gen` from aio/; edits are overwritten.
"""The client."""
