"""The rule by which a logged exact_match is checked is the harness's own function."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.metrics import exact_match_hf_evaluate

from mcqa_suite.logs.exact_match import FLAGS, PATTERNS, rule_of

TEXT = st.text(alphabet="aB1,.$# \n!", max_size=12) | st.sampled_from(["#### 1,000.", "x #### 5\n#### 6.\n", "$5."])
OPTIONS = st.fixed_dictionaries(
    {name: st.booleans() for name in FLAGS}
    | {"regexes_to_ignore": st.none() | st.lists(st.sampled_from(sorted(PATTERNS)), min_size=1, max_size=4)}
)


@settings(deadline=None, max_examples=300)
@given(TEXT, TEXT, OPTIONS)
def test_the_rule_is_the_harnesss(answer, target, options):
    given_options = {name: value for name, value in options.items() if value is not None}
    metric = {"metric": "exact_match", **given_options}
    rule = rule_of({"output_type": "generate_until", "metric_list": [metric]})
    right = exact_match_hf_evaluate([answer], [target], **given_options)["exact_match"]
    for change in rule:
        answer, target = change(answer), change(target)
    assert (answer == target) == (right == 1)
