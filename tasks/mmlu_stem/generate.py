"""Writes this folder's YAML files: `python tasks/mmlu_stem/generate.py` (a test checks that they are what it writes).

One file a subject and format, because the harness finds a task by its own file.
"""

import re
from pathlib import Path

from mcqa_suite.questions import bundle

HERE = Path(__file__).parent
REPOSITORY = "cais/mmlu"
HARNESS_VERSION = "1.0"
FORMATS = {"letter": "", "cloze": "_cloze", "cot": "_cot", "perm": "_perm", "cot_n8": "_cot_n8"}
# What a form adds to its task's file
EXTRA = {
    "perm": "process_docs: !function mcqa_suite.harness.rotations.mmlu_stem\n"
    "fewshot_config: {sampler: first_n, process_docs: !function mcqa_suite.harness.docs.mmlu_stem}\n"
}
DISCIPLINES = {
    "mathematics": [
        "abstract_algebra",
        "college_mathematics",
        "elementary_mathematics",
        "high_school_mathematics",
        "high_school_statistics",
    ],
    "physics": ["astronomy", "college_physics", "conceptual_physics", "high_school_physics"],
    "chemistry": ["college_chemistry", "high_school_chemistry"],
    "biology": ["anatomy", "college_biology", "high_school_biology"],
    "computer_science": [
        "college_computer_science",
        "computer_security",
        "high_school_computer_science",
        "machine_learning",
    ],
    "engineering": ["electrical_engineering"],
}
SUBJECTS = sorted(subject for subjects in DISCIPLINES.values() for subject in subjects)


def level(subject: str) -> str:
    """What the subject's own name says; `other` where it says nothing."""
    return next((name for name in ("elementary", "high_school", "college") if subject.startswith(name)), "other")


def parent(form: str, subject: str) -> str:
    """Several samples are asked for as one is."""
    return f"../cot/{subject}.yaml" if form == "cot_n8" else "../_mmlu_stem.yaml"


def data(subject: str, version: str) -> str:
    """Where the questions come from. The mapping `metadata` of an included file would be replaced as a whole, so it is here."""
    digest = bundle.sha256(REPOSITORY, subject, "test")
    return (
        f"dataset_name: {subject}\ndataset_kwargs: {{bundle: {REPOSITORY}/{subject}}}\n"
        f"metadata: {{version: {version}, data_sha256: {digest}}}\n"
    )


def version_of(form: str) -> str:
    """The version that the format's own file has."""
    text = (HERE.parent / "_formats" / f"{form}.yaml").read_text(encoding="utf-8")
    return re.findall(r"^  version: (\S+)", text, re.MULTILINE)[0]


def group(name: str, members: list[str]) -> str:
    return (
        f"group: {name}\ntask:\n"
        + "".join(f"  - {member}\n" for member in members)
        + "aggregate_metric_list: [{metric: acc, weight_by_size: true}]\nmetadata: {version: 1.0}\n"
    )


def files() -> dict[str, str]:
    """Relative path -> content."""
    out = {}
    levels = {
        name: [s for s in SUBJECTS if level(s) == name] for name in ("elementary", "high_school", "college", "other")
    }
    for form, suffix in FORMATS.items():
        for subject in SUBJECTS:
            out[f"{form}/{subject}.yaml"] = (
                f"include: [{parent(form, subject)}, ../../_formats/{form}.yaml]\n"
                f"task: mcqa_mmlu_stem_{subject}{suffix}\n{data(subject, version_of(form))}" + EXTRA.get(form, "")
            )
        tops: dict[str, list[str]] = {"": [], "_by_level": []}
        for prefix, top, parts in (("", "", DISCIPLINES), ("level_", "_by_level", levels)):
            for part, subjects in parts.items():
                name = f"mcqa_mmlu_stem_{prefix}{part}{suffix}"
                tops[top].append(name)
                out[f"{form}/_{prefix}{part}.group.yaml"] = group(
                    name, [f"mcqa_mmlu_stem_{s}{suffix}" for s in subjects]
                )
        for top, names in tops.items():
            out[f"{form}/_mmlu_stem{top}.group.yaml"] = group(f"mcqa_mmlu_stem{top}{suffix}", names)
    return out | harness_files()


def harness_files() -> dict[str, str]:
    """The built-in tasks: one group of all subjects, like mmlu_stem."""
    tasks = {subject: f"mcqa_mmlu_stem_{subject}_harness" for subject in SUBJECTS}
    out = {"harness/_mmlu_stem.group.yaml": group("mcqa_mmlu_stem_harness", list(tasks.values()))}
    for subject, task in tasks.items():
        words = subject.replace("_", " ")
        out[f"harness/{subject}.yaml"] = (
            f"include: ../_mmlu_stem_harness.yaml\ntask: {task}\n{data(subject, HARNESS_VERSION)}"
            f'description: "The following are multiple choice questions (with answers) about {words}.\\n\\n"\n'
        )
    return out


if __name__ == "__main__":
    for path, content in files().items():
        (HERE / path).parent.mkdir(exist_ok=True)
        (HERE / path).write_text(content, encoding="utf-8")
