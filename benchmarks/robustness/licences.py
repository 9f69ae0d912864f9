"""List the licence of every package that an installation brings, from its metadata; the exit code is 1 if one is not allowed.

    python benchmarks/robustness/licences.py [--extras train gptq report]

Follows the requirements of mcqa-suite with these extras through the installed packages; packages that are not installed are
skipped.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import deque
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Permissive, or weak copyleft on files that are used unchanged.
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CNRI-Python", "ISC", "LGPL-2.1-or-later", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
# Prefixes of the older metadata fields, in lower case.
KNOWN = {
    "apache software license": "Apache-2.0", "apache": "Apache-2.0", "the mit": "MIT", "mit": "MIT", "bsd license": "BSD",
    "2-clause bsd": "BSD-2-Clause", "3-clause bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause", "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause", "bsd": "BSD", "isc": "ISC", "mozilla public license 2.0": "MPL-2.0", "python software": "PSF-2.0",
    "psf": "PSF-2.0", "gnu lesser general public license v2 or later": "LGPL-2.1-or-later",
}  # fmt: skip
NVIDIA = "NVIDIA's own licence; only torch's CUDA build requires it"
# Packages that are allowed by name, each with its reason.
EXCEPTIONS = {
    r"nvidia-[a-z0-9-]+|cuda-toolkit": NVIDIA,
    "torchao": "BSD-3-Clause by its LICENSE file; the metadata name none",
}


def licence(package: metadata.Distribution) -> list[str]:
    """The SPDX names in the package's metadata; unrecognised text is returned unchanged."""
    fields = package.metadata
    if expression := fields.get("License-Expression"):
        return re.split(r" AND ", expression)
    classifiers = [text.split("::")[-1].strip() for text in fields.get_all("Classifier") or () if "License ::" in text]
    text = (fields.get("License") or "").strip().partition("\n")[0][:80]
    names = classifiers if classifiers and classifiers != ["OSI Approved"] else [text] if text else []
    return [_spdx(word) for word in names]


def _spdx(text: str) -> str:
    parts = re.split(r" (?:AND|OR) ", text)
    if len(parts) > 1:
        return " OR ".join(map(_spdx, parts)) if " OR " in text else " AND ".join(map(_spdx, parts))
    return (
        text
        if text in ALLOWED
        else next((name for words, name in KNOWN.items() if text.lower().startswith(words)), text)
    )


def allowed(name: str, licences: list[str]) -> bool:
    if any(re.fullmatch(pattern, name) for pattern in EXCEPTIONS):
        return True
    each = [part for item in licences for part in item.split(" AND ")]
    return bool(each) and all(any(way in ALLOWED for way in part.strip("()").split(" OR ")) for part in each)


def followed(extras: list[str]) -> dict[str, metadata.Distribution]:
    """Every installed package that mcqa-suite needs with `extras`, by its canonical name."""
    packages: dict[str, metadata.Distribution] = {}
    waiting = deque([("mcqa-suite", frozenset(extras))])
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, chosen = waiting.popleft()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        try:
            packages[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for line in packages[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *chosen)):
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    packages.pop("mcqa-suite", None)
    return dict(sorted(packages.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", nargs="*", default=["train", "gptq", "report"])
    args = parser.parse_args()
    packages = followed(args.extras)
    refused = []
    print("| package | version | licence | |\n|---|---|---|---|")
    for name, package in packages.items():
        licences = licence(package)
        reason = next((why for pattern, why in EXCEPTIONS.items() if re.fullmatch(pattern, name)), "")
        ok = allowed(name, licences)
        refused += [] if ok else [name]
        print(
            f"| {name} | {package.version} | {', '.join(licences) or 'none named'} | {reason if ok else '**not on the list**'} |"
        )
    words = f"not on the list: {', '.join(refused)}" if refused else "all on the list"
    print(f"\n{len(packages)} packages with {', '.join(args.extras) or 'no extra'}; {words}.")
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main())
