"""Where storage keeps its files: pure arithmetic on paths, no I/O.

<data_dir>/<tenant>/datasets/<dataset_id>/                Delta tables: data files beside `_delta_log/`
<data_dir>/<tenant>/stages/<work_key>-<token>/            what one attempt has staged
<data_dir>/<tenant>/artifacts/<first two digits>/<digits> content-addressed files
<data_dir>/<tenant>/spill/                                what DuckDB puts aside, and files on their way in or out
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Below a stage.
DATA = "data"
RAW = "raw"
QUARANTINE = "quarantine.parquet"
REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Layout:
    """The folders of one tenant."""

    root: Path

    @classmethod
    def of(cls, data_dir: Path, tenant: str) -> Layout:
        """Return the layout of a tenant below the data folder, as absolute paths."""
        return cls(data_dir.absolute() / tenant)

    @property
    def datasets(self) -> Path:
        """The folder of the Delta tables."""
        return self.root / "datasets"

    @property
    def stages(self) -> Path:
        """The folder of the stages."""
        return self.root / "stages"

    @property
    def spill(self) -> Path:
        """The folder of files that outlive no call; it is emptied at start."""
        return self.root / "spill"

    def dataset(self, dataset_id: str) -> Path:
        """The folder of a dataset's Delta table."""
        return self.datasets / dataset_id

    def stage(self, stage_id: str) -> Path:
        """The folder into which one attempt writes."""
        return self.stages / stage_id

    def artifact(self, digest: str) -> Path:
        """The file of an artifact, `sha256:` and 64 hexadecimal digits."""
        digits = digits_of(digest)
        return self.root / "artifacts" / digits[:2] / digits


def digits_of(digest: str) -> str:
    """The 64 hexadecimal digits of a digest."""
    return digest.removeprefix("sha256:")


def stage_id(work_key: str, token: int) -> str:
    """Name of the stage of one attempt."""
    return f"{work_key}-{token}"


def data_file_name(work_key: str, token: int, part: str) -> str:
    """Name of a data file of an attempt in its dataset's folder, the same at each repetition; it begins as the stage's does."""
    return f"{stage_id(work_key, token)}-{part}.parquet"
