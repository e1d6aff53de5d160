"""Where the URIs of files lead."""

from pathlib import Path

import pytest
from chartly.runtime.files import path_of


def test_a_file_uri_leads_to_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a name with % and ü"
    assert path_of(path.as_uri()) == path
    assert path_of("file:///var/data/stages/ab-1/") == Path("/var/data/stages/ab-1")


@pytest.mark.parametrize("uri", ["s3://bucket/key", "https://example.com/x", "/var/data", ""])
def test_another_uri_leads_to_no_path(uri: str) -> None:
    with pytest.raises(ValueError, match="is no file:// URI"):
        path_of(uri)
