"""What is refused beside a document with problems, which is an `InvalidDocument` of the engine."""

from __future__ import annotations


class NotExportable(Exception):
    """A format cannot carry a part of a contract.

    path: of that part, as in `properties.address`; empty for the whole. message: why.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message
