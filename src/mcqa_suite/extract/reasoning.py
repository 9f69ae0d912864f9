"""Find, blank and remove the reasoning that a model writes before its answer."""

from __future__ import annotations

import re

# Opening and closing marks of each model family, as its chat template has them, by a text that both marks contain
REASONING_MARKS: dict[str, tuple[tuple[str, str], ...]] = {
    "think": (
        ("<think>", "</think>"),  # DeepSeek, Qwen, GLM, Kimi K2, MiniMax M2, Nemotron, Olmo: "<think>17 * 3</think>51"
        ("<thinking>", "</thinking>"),
        ("<seed:think>", "</seed:think>"),  # Seed-OSS
        ("<mm:think>", "</mm:think>"),  # MiniMax M3
        ("<think:opensource>", "</think:opensource>"),  # Hunyuan 3
        ("<longcat_think>", "</longcat_think>"),  # LongCat
        ("<|think:start|>", "<|think:end|>"),  # Solar Open 2
        ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),  # Kimi K3
        ("◁think▷", "◁/think▷"),  # Kimi-VL
    ),
    "THINK": (("[THINK]", "[/THINK]"), ("<|START_THINKING|>", "<|END_THINKING|>")),  # Magistral; Command A
    "hought": (  # EXAONE Deep; Sky-T1
        ("<thought>", "</thought>"),
        ("<Thought>", "</Thought>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ),
    "reasoning": (("<reasoning>", "</reasoning>"),),
    "reflection": (("<reflection>", "</reflection>"),),
    "scratchpad": (("<scratchpad>", "</scratchpad>"),),
    "channel": (("<|channel>", "<channel|>"),),  # Gemma 4
    "<|inner_": (("<|inner_prefix|>", "<|inner_suffix|>"),),  # Apertus
    "<|content_": (("<|content_thinking|>", "<|content_text|>"),),  # Inkling
    "[unused1": (("[unused16]", "[unused17]"),),  # Pangu
}
# gpt-oss: "<|channel|>analysis<|message|>A?<|end|><|start|>assistant<|channel|>final<|message|>B", or without its tokens
# "analysisA?assistantfinalB"; Apriel: "A?\n[BEGIN FINAL RESPONSE]\nB"
FINAL_MARKS = ("<|channel|>final<|message|>", "assistantfinal", "[BEGIN FINAL RESPONSE]")
CHANNEL = "<|channel|>"
ANALYSIS = re.compile(r"\s{0,9}analysis(?=[A-Z])")
FIRST_SIGNS = ("<", "◁", "[", "analysis", "assistantfinal")  # one of them is in every text with marks
MOST_BLOCKS = 64  # further blocks are hidden as one, so that the time stays linear
Spans = list[tuple[int, int]]


def strip_reasoning(response: str) -> str:
    """The response without its reasoning: closed marks and what they enclose, and everything after one that is not closed."""
    return _filled(response, _reasoning_spans(response)[0], "").strip()


def blank_reasoning(response: str) -> tuple[str, int]:
    """The response with its reasoning replaced by spaces, which keeps offsets, and where reasoning begins that never closes.

    The second value is -1 where all reasoning is closed.
    """
    spans, unclosed = _reasoning_spans(response)
    return (_filled(response, spans, " "), unclosed) if spans else (response, unclosed)


def _filled(response: str, spans: Spans, fill: str) -> str:
    """The response with `fill` in place of every character of the spans."""
    parts, at = [], 0
    for start, end in spans:
        parts += [response[at:start], fill * (end - start)]
        at = end
    return "".join([*parts, response[at:]])


def _reasoning_spans(response: str) -> tuple[Spans, int]:
    """The (start, end) of each block of reasoning, in order, and the end of the last opening mark if that is not closed."""
    if not any(map(response.__contains__, FIRST_SIGNS)):
        return [], -1
    if final := max(response.rfind(mark) + len(mark) if mark in response else 0 for mark in FINAL_MARKS):
        return [(0, final)], -1
    if (start := response.find(CHANNEL)) >= 0:
        return [(start, len(response))], start + len(CHANNEL)
    if analysis := ANALYSIS.match(response):
        return [(0, len(response))], analysis.end()
    spans: Spans = []
    for text, pairs in REASONING_MARKS.items():
        if text not in response:
            continue
        for opening, closing in pairs:
            block_spans, unclosed = _block_spans(response, opening, closing)
            if unclosed >= 0:
                return block_spans, unclosed
            spans += block_spans
    return _merged(spans), -1


def _block_spans(response: str, opening: str, closing: str) -> tuple[Spans, int]:
    """The spans of one pair of marks; a closing mark without an opening one (a prefilled `<think>`) hides all text before it."""
    first, last = response.find(opening), response.rfind(closing)
    if first < 0 and last < 0:
        return [], -1
    if (latest := response.rfind(opening)) > last:
        return [(first, len(response))], latest + len(opening)
    if first < 0 or response.find(closing) < first:
        first = 0
    spans: Spans = []
    while first >= 0 and len(spans) < MOST_BLOCKS:
        close = response.find(closing, first)
        if close < 0:
            return spans, -1
        following = response.find(opening, close)
        end = (response.rfind(closing, close, following) if following >= 0 else last) + len(closing)
        spans.append((first, end))
        first = following
    if first >= 0:
        spans.append((first, last + len(closing)))
    return spans, -1


def _merged(spans: Spans) -> Spans:
    """Overlapping spans joined, in order of their start."""
    merged: Spans = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
