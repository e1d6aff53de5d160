"""Reads a dataset into pandas and polars, in an environment that has nothing but chartly-sdk and what it asks for."""

import importlib.metadata

from chartly.sdk import Chartly

PROFILE = {
    "profile_id": "frames",
    "source": {"file": {"path": "frames.csv"}},
    "observed_at": {"source": "at"},
    "dims": {"n": {"type": "integer"}},
    "measures": {"x": {"type": "number"}},
}
ROWS = b"at,n,x\n2026-01-01T00:00:00Z,9007199254740993,0.1\n2026-01-01T00:01:00Z,2,\n"


def main() -> None:
    """Check that both frames have the rows, and that no service is installed."""
    installed = {distribution.name for distribution in importlib.metadata.distributions()}
    assert "chartly-platform" not in installed
    with Chartly() as client:
        client.profiles.create(PROFILE)
        client.runs.upload("frames", ROWS, media_type="text/csv")
        pandas = client.datasets.read("frames").to_pandas()
        polars = client.datasets.read("frames").to_polars()
    assert sorted(pandas["n"]) == sorted(polars["n"]) == [2, 9007199254740993], (pandas, polars)
    assert sorted(pandas["x"].dropna()) == sorted(polars["x"].drop_nulls()) == [0.1]
    assert {str(pandas["observed_at"].dt.tz), polars["observed_at"].dtype.time_zone} == {"UTC"}


if __name__ == "__main__":
    main()
