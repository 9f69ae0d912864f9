"""Runs the steps of a composite action as a runner of GitHub does: expressions, outputs, the summary, and conditions."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import yaml

EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")


@dataclass
class ActionRun:
    """The code of the step that failed, else 0; what was printed; the outputs of steps; the steps that are actions of others."""

    code: int
    printed: str
    summary: str
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[dict] = field(default_factory=list)


def run_action(
    path: Path, temp: Path, inputs: dict[str, str], *, github=None, used_outputs=None, **environment
) -> ActionRun:
    """`github`: values of that context, such as "event.pull_request.number". `used_outputs`: outputs of actions of others."""
    action = yaml.safe_load(path.read_text(encoding="utf-8"))
    unknown = inputs.keys() - action["inputs"].keys()
    assert not unknown
    defaults = {name: details["default"] for name, details in action["inputs"].items()}
    values = {f"inputs.{name}": text for name, text in (defaults | inputs).items()}
    values |= {"runner.temp": str(temp), "github.action_path": str(path.parent)}
    values |= {f"github.{name}": text for name, text in (github or {}).items()}
    output, summary = temp / "output.txt", temp / "step_summary.md"
    summary.touch()
    result = ActionRun(0, "", "")
    for step in action["runs"]["steps"]:
        if not holds(step.get("if", ""), values):
            continue
        own = {name: filled(text, values) for name, text in {**step.get("env", {}), **step.get("with", {})}.items()}
        if "uses" in step:
            result.used.append({"uses": step["uses"], **own})
            outputs = (used_outputs or {}).get(step["id"], {})
        else:
            output.write_text("", encoding="utf-8")
            files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true"}
            script = temp / "script.sh"
            script.write_text(step["run"], encoding="utf-8")
            done = subprocess.run(
                [*BASH, str(script)],
                env={**os.environ, **environment, **files, **own},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=temp,
            )
            result.printed += done.stdout
            if done.returncode:
                result.code = done.returncode
                break
            outputs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
        if "id" in step:
            result.outputs[step["id"]] = outputs
            values |= {f"steps.{step['id']}.outputs.{name}": text for name, text in outputs.items()}
    result.summary = summary.read_text(encoding="utf-8")
    return result


def filled(text: object, values: dict[str, str]) -> str:
    """A text with its expressions replaced; one of a value that is not set is empty."""
    if isinstance(text, bool):
        return str(text).lower()
    return EXPRESSION.sub(lambda match: values.get(match[1], ""), str(text))


def holds(condition: str, values: dict[str, str]) -> bool:
    """Whether a condition such as `inputs.a == 'true' && steps.b.outputs.c != ''` holds."""
    for part in filter(None, condition.split(" && ")):
        name, operator, text = re.fullmatch(r"(\S+) (==|!=) '(.*)'", part).groups()
        if (values.get(name, "") == text) != (operator == "=="):
            return False
    return True
