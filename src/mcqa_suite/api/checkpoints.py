"""Checkpoints from other formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcqa_suite.backend.gguf_conversion import convert
from mcqa_suite.backend.gguf_file import GgufFile
from mcqa_suite.common.manifest import Size

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ImportedCheckpoint:
    """The folder of a converted checkpoint, its size, and the GGUF file that it was made from."""

    folder: Path
    size: Size
    source: GgufFile

    def text(self) -> str:
        """One line: parameters, dtype and origin."""
        size, source = self.size, self.source
        return (
            f"{self.folder}: {source.architecture}, {size.parameters / 1e6:,.1f} M parameters in {size.stored} "
            f"({size.bytes_on_disk / 1e6:,.0f} MB), {source.made_from} of {source.file}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row with all facts."""
        import pandas as pd

        return pd.DataFrame([{"folder": str(self.folder)} | vars(self.size) | vars(self.source)])


def import_gguf(file: str | Path, output: str | Path, *, save_dtype: str = "bfloat16") -> ImportedCheckpoint:
    """Convert a GGUF file to a checkpoint with plain weights in `save_dtype`, tokenizer, chat template and manifest.

    `file` is a path, OWNER/NAME/FILE.gguf on the hub, or the name of a packaged model. McqaError where it cannot be converted.
    """
    manifest = convert(str(file), Path(output), save_dtype)
    assert manifest.size
    return ImportedCheckpoint(Path(output), manifest.size, GgufFile(**manifest.settings["gguf"]))
