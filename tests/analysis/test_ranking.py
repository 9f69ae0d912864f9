"""`mcqa rank`: verdicts of a judge, win rates, Bradley-Terry strengths, tables and a figure."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers.model_server import prompt_of, serving
from helpers.preference_rows import write

from mcqa_suite.analysis.ranking import duels, rank
from mcqa_suite.cli.main import main
from mcqa_suite.common.errors import ConfigError, DatasetError
from mcqa_suite.common.extras import install_command
from mcqa_suite.questions.question import option_label
from mcqa_suite.reporting.ranking import markdown
from mcqa_suite.training_data.preferences.ranking import questions, read_entries, read_ranking

SKILL = {"base": 0, "sft": 1, "ai": 2, "human": 3}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("MCQA_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def files(folder: Path, n: int = 24, names: tuple[str, ...] = tuple(SKILL), **data) -> list[str]:
    """Responses of each model, whose skill is written in them; every fifth prompt turns the order around."""
    for name in names:
        rows = [
            {
                "id": f"q{i}",
                "index": 0,
                "prompt": f"p{i}",
                "response": f"skill {SKILL[name] if i % 5 else 3 - SKILL[name]} by {name}",
                "data": data,
            }
            for i in range(n)
        ]
        write(folder / f"{name}.jsonl", rows)
    return [str(folder / f"{name}.jsonl") for name in names]


def fair(body: dict) -> str:
    """A judge that goes by the skill that responses state."""
    parts = prompt_of(body).split("[Response ")[1:]
    skills = [int(part.split("skill ")[1][0]) for part in parts]
    if len(skills) == 2:
        return f"Verdict: {'A' if skills[0] > skills[1] else 'B'}"
    order = sorted(range(len(skills)), key=lambda i: -skills[i])
    return "All fine. Ranking: " + " > ".join("ABCD"[i] for i in order)


def rows_of(folder: Path) -> list[dict]:
    return list(csv.DictReader((folder / "ranking.csv").read_text(encoding="utf-8").splitlines()))


def verdict(row_id: str, shown: list[str], ranks: list[int] | None) -> dict:
    return {"id": row_id, "shown": shown, "ranks": ranks, "raw": "", "by": "m"}


@pytest.mark.parametrize("flags", [[], ["--listwise"]])
@pytest.mark.slow
def test_four_models_are_ranked_by_a_judge(tmp_path, capsys, flags):
    out = tmp_path / "ranking"
    with serving(fair) as served:
        words = ["rank", *files(tmp_path), "--judge", served.url, "-o", str(out), *flags]
        assert main(words) == 0
        n = len(served.bodies)
        assert n == (24 if flags else 24 * 6)
        assert main(words) == 0
        assert len(served.bodies) == n, "verdicts that are there are not asked for again"
    table = rows_of(out)
    assert [row["model"] for row in table] == ["human", "ai", "sft", "base"]
    assert float(table[0]["win_rate"]) == pytest.approx(19 / 24)
    assert float(table[0]["win_rate_low"]) < 19 / 24 < float(table[0]["win_rate_high"]) < 1
    assert sum(float(row["strength"]) for row in table) == pytest.approx(0)
    printed = capsys.readouterr()
    assert "| 1 | human | 79.2 [" in printed.out
    assert "similarity to the references was not computed; set --embedding" in printed.err
    svg = (out / "ranking.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert all(name in svg for name in SKILL)


def test_strengths_are_those_of_evalica():
    import evalica

    rng = np.random.default_rng(0)
    names = ["a", "b", "c"]
    rows = [
        verdict(f"q{i}", [names[k] for k in rng.permutation(3)[:2]], [[1, 2], [2, 1], [1, 1]][rng.integers(3)])
        for i in range(60)
    ]
    signs = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    met = list(duels(rows))
    scores = evalica.bradley_terry([m[1] for m in met], [m[2] for m in met], [signs[m[3]] for m in met]).scores
    logs = np.log(scores) - np.log(scores).mean()
    assert {s.name: s.strength.value for s in rank(rows).standings} == pytest.approx(dict(logs), abs=1e-4)


def test_two_models_differ_by_the_log_of_their_odds():
    rows = [verdict(f"q{i}", ["a", "b"], [1, 2] if i < 30 else [2, 1]) for i in range(40)]
    ranking = rank(rows)
    strong, weak = ranking.standings
    assert (strong.name, strong.wins, strong.losses) == ("a", 30, 10)
    assert strong.strength.value - weak.strength.value == pytest.approx(np.log(3), abs=1e-3)
    assert strong.strength.low < strong.strength.value < strong.strength.high
    assert strong.win_rate.value == 0.75
    assert ranking.first_share.value == 0.75


def test_ties_count_half_and_unread_verdicts_are_counted_separately():
    rows = [verdict("q0", ["a", "b"], [1, 1]), verdict("q1", ["b", "a"], [1, 2]), verdict("q2", ["a", "b"], None)]
    ranking = rank(rows)
    assert {s.name: (s.wins, s.ties, s.losses, s.win_rate.value) for s in ranking.standings} == {
        "b": (1, 1, 0, 0.75),
        "a": (0, 1, 1, 0.25),
    }
    assert (ranking.unread, ranking.prompts) == (1, 2)
    with pytest.raises(DatasetError, match="no verdict about it could be read"):
        rank([verdict("q0", ["a", "b"], None)])


def test_a_model_that_always_wins_is_first_although_its_strength_is_infinite():
    ranking = rank([verdict(f"q{i}", ["a", "b"], [2, 1]) for i in range(10)])
    first, last = ranking.standings
    assert first.name == "b"
    assert not ranking.finite
    assert first.strength.value - last.strength.value == pytest.approx(np.log(10.5 / 0.5))
    assert 0.6 < first.win_rate.low < first.win_rate.value == 1
    assert "their strengths are infinite" in markdown(ranking)


def test_intervals_widen_where_resamples_have_no_finite_strength():
    ranking = rank([verdict(f"q{i}", ["a", "b"], [1, 2] if i else [2, 1]) for i in range(10)])
    assert ranking.finite
    assert ranking.standings[0].strength.low > 0
    assert ranking.standings[0].strength.high == pytest.approx(np.log(10.5 / 0.5) / 2)


def test_a_judge_that_always_answers_a_makes_no_model_significantly_better(tmp_path):
    out = tmp_path / "r"
    with serving(lambda body: "Verdict: A") as served:
        assert main(["rank", *files(tmp_path, 40), "--judge", served.url, "-o", str(out)]) == 0
    table = rows_of(out)
    assert all(float(row["win_rate_low"]) < 0.5 < float(row["win_rate_high"]) for row in table)
    assert "the response shown earlier won 100.0 [" in (out / "ranking.md").read_text(encoding="utf-8")


def test_the_order_shown_depends_only_on_the_prompt_and_is_balanced(tmp_path):
    entries, _ = read_entries(files(tmp_path, 200))
    plan = questions(entries, listwise=True)
    assert questions(entries[::-1], listwise=True)[::-1] == plan
    firsts = [shown[0] for _, shown in plan]
    assert all(30 < firsts.count(name) < 70 for name in SKILL)
    assert len(questions(entries, listwise=False)) == 1200


@pytest.mark.parametrize(
    ("raw", "ranks"),
    [
        ("Ranking: B > A > D > C", [2, 1, 4, 3]),
        ("First C, A, B, D? No.\nRanking: A = C > D > B", [1, 4, 1, 3]),
        ("B, A, C, D", [2, 1, 3, 4]),
        ("A > B > C", None),
        ("A > A > B > C", None),
        ("All are good.", None),
    ],
)
def test_rankings_are_read_only_when_complete(raw, ranks):
    assert read_ranking(raw, 4) == ranks


def test_responses_behind_the_letters_are_ranked_by_their_number():
    labels = [option_label(index) for index in range(28)]
    assert read_ranking(f"Ranking: {' > '.join(reversed(labels))}", 28) == list(range(28, 0, -1))
    assert read_ranking(f"Ranking: {' > '.join(labels[:-1])}", 28) is None


def test_prompts_that_a_model_did_not_answer_are_left_out_and_named(tmp_path):
    first, second = files(tmp_path, 4, ("base", "sft"))
    rows = (tmp_path / "sft.jsonl").read_text(encoding="utf-8").splitlines()
    Path(second).write_text("\n".join(rows[1:]) + "\n", encoding="utf-8")
    entries, alone = read_entries([f"a={first}", second])
    assert [entry.id for entry in entries] == ["q1", "q2", "q3"]
    assert alone == ("q0",)
    assert set(entries[0].responses) == {"a", "sft"}
    with pytest.raises(ConfigError, match="a second model called base"):
        read_entries([first, first])
    with pytest.raises(ConfigError, match="at least two"):
        read_entries([first])
    Path(second).write_text(json.dumps({**json.loads(rows[0]), "prompt": "other"}) + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="q0: not the same prompt for every model"):
        read_entries([first, second])


def test_without_evalica_the_extra_is_named(tmp_path):
    blocked = (
        "import sys; sys.modules['evalica'] = None; from mcqa_suite.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    with serving(fair) as served:
        words = ["rank", *files(tmp_path, 2), "--judge", served.url, "-o", str(tmp_path / "r")]
        done = subprocess.run([sys.executable, "-c", blocked, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"mcqa: evalica is not installed: {install_command('rank')}\n" in done.stderr


def test_similarity_to_the_reference_by_a_named_model(tmp_path, tiny_encoder):
    out = tmp_path / "r"
    with serving(fair) as served:
        words = ["rank", *files(tmp_path, 4, reference="skill 3 by human"), "--judge", served.url, "-o", str(out)]
        assert main([*words, "--embedding", tiny_encoder]) == 0
    table = {row["model"]: float(row["similarity"]) for row in rows_of(out)}
    assert table["human"] == max(table.values())
    assert "similarity |" in (out / "ranking.md").read_text(encoding="utf-8")


def test_an_embedding_without_a_reference_is_an_error(tmp_path, capsys):
    words = ["rank", *files(tmp_path, 2), "--judge", "http://127.0.0.1:9/v1", "--judge-model", "m"]
    assert main([*words, "--embedding", "x"]) == 2
    assert "no row has a reference to compare with" in capsys.readouterr().err
