"""Recipes as files."""

from __future__ import annotations

from pathlib import Path


def recipe_file(folder: Path, text: str) -> Path:
    """Write `recipe.yaml` into a folder."""
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path
