"""Find, blank and remove the reasoning that a model writes before its answer."""

from __future__ import annotations

# Opening and closing marks, one pair per model family: "<think>17 * 3 = 51, so B</think>The answer is B."
REASONING_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<Thought>", "</Thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
BRACKETS = "<|>/[]◁▷"  # a tag is first searched without them, which is much faster in a long sequence of "<"
CHANNEL = "<|channel|>"  # <|channel|>analysis<|message|>A or B?<|end|><|start|>assistant<|channel|>final<|message|>B
FINAL_CHANNEL = "<|channel|>final<|message|>"
MOST_BLOCKS = 64  # further blocks are hidden as one, so that the time stays linear


def strip_reasoning(response: str) -> str:
    """The response without its reasoning: closed tags and their content, and everything after an unclosed tag."""
    return _filled(response, _reasoning_spans(response)[0], "").strip()


def blank_reasoning(response: str) -> str | None:
    """The response with its reasoning replaced by spaces, which keeps offsets; None where it is not closed."""
    spans, closed = _reasoning_spans(response)
    return _filled(response, spans, " ") if closed else None


def _filled(response: str, spans: list[tuple[int, int]], fill: str) -> str:
    """The response with `fill` in place of every character of the spans."""
    parts, at = [], 0
    for start, end in spans:
        parts += [response[at:start], fill * (end - start)]
        at = end
    return "".join([*parts, response[at:]])


def _reasoning_spans(response: str) -> tuple[list[tuple[int, int]], bool]:
    """The (start, end) of each block of reasoning, in order, and whether all of them are closed."""
    if "<" not in response and "[THINK]" not in response and "[/THINK]" not in response and "think▷" not in response:
        return [], True
    if CHANNEL in response:
        final = response.rfind(FINAL_CHANNEL)
        if final < 0:
            return [(response.find(CHANNEL), len(response))], False
        return [(0, final + len(FINAL_CHANNEL))], True
    spans: list[tuple[int, int]] = []
    for opening, closing in REASONING_TAGS:
        if opening.strip(BRACKETS) not in response and closing.strip(BRACKETS) not in response:
            continue
        tag_spans, closed = _tag_spans(response, opening, closing)
        if not closed:
            return tag_spans, False
        spans += tag_spans
    return _merged(spans), True


def _tag_spans(response: str, opening: str, closing: str) -> tuple[list[tuple[int, int]], bool]:
    """The spans of one pair of marks; a closing mark without an opening one (a prefilled `<think>`) hides all text before it."""
    first, last = response.find(opening), response.rfind(closing)
    if first < 0 and last < 0:
        return [], True
    if response.rfind(opening) > last:
        return [(first, len(response))], False
    if first < 0 or response.find(closing) < first:
        first = 0
    spans: list[tuple[int, int]] = []
    while first >= 0 and len(spans) < MOST_BLOCKS:
        close = response.find(closing, first)
        if close < 0:
            return spans, True
        following = response.find(opening, close)
        end = (response.rfind(closing, close, following) if following >= 0 else last) + len(closing)
        spans.append((first, end))
        first = following
    if first >= 0:
        spans.append((first, last + len(closing)))
    return spans, True


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping spans joined, in order of their start."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
