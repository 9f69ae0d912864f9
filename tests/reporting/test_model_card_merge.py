"""A model card that is renewed keeps what people wrote in it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcqa_suite.common.errors import ConfigError
from mcqa_suite.reporting.model_card.merge import Card, is_ours, marked, merge, parse_card, split_front, split_sections

FIRST = Card(
    {"license": "mit", "tags": ["mcqa-suite", "sft"], "model-index": [{"name": "sft", "results": [{"value": 1}]}]},
    {
        "#": marked("# sft\n\nA model."),
        "## Data": marked("## Data\n\n8 rows."),
        "## Limits": marked("## Limits\n\n- none"),
    },
)
SECOND = Card(
    {"license": "mit", "tags": ["mcqa-suite", "dpo"], "model-index": [{"name": "sft", "results": [{"value": 2}]}]},
    {
        "#": marked("# sft\n\nA model."),
        "## Data": marked("## Data\n\n9 rows."),
        "## Limits": marked("## Limits\n\n- few"),
    },
)
FOREIGN = """---
# chosen by hand
license:   apache-2.0   # ours
tags: [robots]
language: [en]
---

# My model

It is mine.

## Data

Secret.

```python
## no heading
```
"""


def front(text):
    return yaml.safe_load(split_front(text)[0])


def test_a_card_that_is_merged_into_itself_stays_as_it_is():
    text = merge(FIRST, None).text
    assert merge(FIRST, text).text == text
    assert text.startswith("---\nlicense: mit\n")


def test_what_is_ours_is_renewed_and_what_is_no_longer_said_goes():
    text = merge(SECOND, merge(FIRST, None).text).text
    assert text == merge(SECOND, None).text
    shorter = Card({"license": "mit"}, {"#": FIRST.sections["#"]})
    assert merge(shorter, text).text == merge(shorter, None).text


def test_a_foreign_card_keeps_every_line_and_gets_what_it_lacks():
    merged = merge(FIRST, FOREIGN)
    lines = merged.text.splitlines()
    assert [line for line in FOREIGN.splitlines() if line not in lines] == ["tags: [robots]"]
    assert "license:   apache-2.0   # ours" in lines
    assert "# chosen by hand" in lines
    assert front(merged.text)["tags"] == ["robots", "mcqa-suite", "sft"]
    assert merged.yours == ("license", "the title", "## Data")
    assert "8 rows" not in merged.text
    assert list(split_sections(split_front(merged.text)[1])) == ["#", "## Data", "## Limits"]
    renewed = merge(SECOND, merged.text)
    assert front(renewed.text)["tags"] == ["robots", "mcqa-suite", "dpo"]
    assert "Secret." in renewed.text
    assert "- few" in renewed.text
    assert "- none" not in renewed.text


def test_what_a_person_adds_to_our_card_stays_where_it_is():
    text = merge(FIRST, None).text
    text = text.replace("license: mit", "license: mit\nlanguage: en")
    text = text.replace("- sft\n", "- sft\n- chemistry\n")
    text = text.replace("## Limits", "## Intended use\n\nIn class.\n\n## Limits")
    text = text.replace("results:\n  - value: 1", "results:\n  - value: 1\n  - value: 7")
    merged = merge(SECOND, text).text
    assert merged.index("9 rows") < merged.index("In class.") < merged.index("- few")
    values = front(merged)
    assert values["language"] == "en"
    assert values["tags"] == ["chemistry", "mcqa-suite", "dpo"]
    assert values["model-index"] == [{"name": "sft", "results": [{"value": 7}, {"value": 2}]}]
    assert merge(SECOND, merged).text == merged


def test_a_value_and_a_section_that_a_person_changed_are_theirs():
    text = merge(FIRST, None).text.replace("license: mit", "license: other")
    data = FIRST.sections["## Data"]
    text = text.replace(data, "## Data\n\n8 rows, all of them by hand.")
    merged = merge(SECOND, text)
    assert merged.yours == ("license", "## Data")
    assert "license: other" in merged.text
    assert "by hand" in merged.text
    assert "9 rows" not in merged.text


def test_without_our_mark_all_of_the_front_matter_is_a_persons():
    text = merge(FIRST, None).text
    text = text[: text.index("<!-- mcqa card, front")]
    assert front(merge(SECOND, text).text)["tags"] == ["mcqa-suite", "sft", "dpo"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("---\nlicense: [mit\ntags: x\n---\n# a\n", r"^mine\.md:3: front matter that is not plain YAML"),
        *(
            (f"---\nlicense: {value}\n---\n# a\n", r"front matter that is not plain YAML")
            for value in (
                "!!bool maybe",
                "!!timestamp x",
                "!!int ''",
                "2001-99-99",
                "[" * 3000,
                "!!python/name:os.system",
            )
        ),
        ("---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n", r"an alias"),
        ("---\n- mit\n---\n", "no mapping of keys"),
        ("---\njust words\n---\n", "no mapping of keys"),
    ],
)
def test_front_matter_that_cannot_be_read_is_refused(text, words):
    with pytest.raises(ConfigError, match=words) as error:
        merge(FIRST, text, "mine.md")
    assert "nothing was changed" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "Only words.\n",
        "---\n---\n",
        "---\n\n---\nwords\n",
        "\ufeff---\r\nlicense: mit\r\n---\r\nwords\r\n",
        "---\nwords\n",
        "```\nwords",
    ],
)
def test_odd_cards_lose_no_word(text):
    merged = merge(FIRST, text).text
    assert front(merged)["tags"] == FIRST.front["tags"]
    assert ("words" in text.lower()) <= ("words" in merged.lower())
    assert merge(FIRST, merged).text == merged


BLOCKS = st.lists(
    st.sampled_from(["## Data", "## Mine", "# Title", "text", "", "```", "~~~", "### deeper", "- item"]), max_size=12
)


@given(BLOCKS)
def test_every_line_of_a_person_stays_in_order(lines):
    merged = merge(FIRST, "\n".join(lines)).text.splitlines()
    rest = iter(merged)
    assert all(line in rest for line in lines if line)
    assert merge(FIRST, "\n".join(merged)).text.splitlines() == merged


def test_parsing_says_what_a_person_wrote():
    text = merge(FIRST, FOREIGN).text
    card = parse_card(text)
    names = [*card.front, *card.sections]
    assert [name for name in names if card.of_person(name)] == [
        "license",
        "tags",
        "language",
        "#",
        "## Data",
    ]
    assert is_ours(card.sections["## Limits"])
