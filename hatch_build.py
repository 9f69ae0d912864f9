"""What a package index shows: the README with whole links and the addresses of the project, where REPOSITORY_URL names it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?!https?:|mailto:|#)(?P<path>[^)\s]+)\)")


class RepositoryLinks(MetadataHookInterface):
    """The name of this class does not matter: hatchling takes the one that is here."""

    def update(self, metadata: dict[str, Any]) -> None:
        url = os.environ.get("REPOSITORY_URL", "").rstrip("/")
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": with_whole_links(readme, url) if url else readme}
        metadata["urls"] = project_urls(url) if url else {}


def with_whole_links(markdown: str, url: str) -> str:
    """Links and pictures that name a file of the repository lead to it there."""

    def whole(match: re.Match[str]) -> str:
        view = "raw" if match["image"] else "blob"
        return f"{match['image']}{match['text']}({url}/{view}/HEAD/{match['path']})"

    return RELATIVE.sub(whole, markdown)


def project_urls(url: str) -> dict[str, str]:
    return {
        "Source": url,
        "Documentation": f"{url}/blob/HEAD/docs/index.md",
        "Changelog": f"{url}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{url}/issues",
    }
