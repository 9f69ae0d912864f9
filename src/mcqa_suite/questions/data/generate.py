"""Writes this folder's data: `python src/mcqa_suite/questions/data/generate.py HUB`.

HUB holds copies of public data sets as JSONL, `<owner>/<name>/<config>/<split>.jsonl`. Each file is packed as it is, so that
its rows and its SHA-256 stay those of the copy. index.json and the tables of README.md say what is here.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
SPLITS = {
    "allenai/ai2_arc": ("train", "validation", "test"),
    "allenai/openbookqa": ("train", "validation", "test"),
    "cais/mmlu": ("dev", "validation", "test"),
    "deepmind/aqua_rat": ("validation", "test"),
    "openai/gsm8k": ("train", "test"),
}


def packed(content: bytes) -> bytes:
    """gzip without a time or a name, so that the same content gives the same file."""
    return gzip.compress(content, 9, mtime=0)


def write(hub: Path) -> None:
    """Every config in the copies of `SPLITS`, index.json, and the tables of README.md."""
    index = {}
    for repository, splits in SPLITS.items():
        for config in sorted(path.name for path in (hub / repository).iterdir() if path.is_dir()):
            for split in splits:
                content = (hub / repository / config / f"{split}.jsonl").read_bytes()
                file = HERE / repository / config / f"{split}.jsonl.gz"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(packed(content))
                digest = hashlib.sha256(content).hexdigest()
                index[f"{repository}/{config}/{split}"] = {"rows": content.count(b"\n"), "sha256": digest}
    (HERE / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    text = re.sub(r"(?<=## Files\n\n).*", lambda _: table(), readme.read_text(encoding="utf-8"), flags=re.DOTALL)
    readme.write_text(text, encoding="utf-8")


def table() -> str:
    """A line for each file: rows, size, and the SHA-256 of what it unpacks to."""
    lines = ["| file | rows | bytes | SHA-256 of the unpacked file |", "|---|---:|---:|---|"]
    for name, entry in json.loads((HERE / "index.json").read_text(encoding="utf-8")).items():
        size = (HERE / f"{name}.jsonl.gz").stat().st_size
        lines.append(f"| {name}.jsonl.gz | {entry['rows']:,} | {size:,} | `{entry['sha256']}` |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
