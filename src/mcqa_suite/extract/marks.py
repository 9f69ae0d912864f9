"""Marks of chat templates and of HTML: those that end an answer, and those that a reader does not see."""

from __future__ import annotations

import re

# What ends a turn in the chat templates of today's models: "<|im_end|>", "</s>", "<turn|>", "<｜end▁of▁sentence｜>"
_IN_ANGLES = (
    r"(?:[|｜](?:im (?:end|start)|eo[tm] id|endoftext|end|return|eot|end of (?:text|turn|sentence|msg)|end response|end message"
    r"|end of turn token|assistant end|start header id|user|observation|hy eos:opensource)[|｜]>"
    r"|/s>|(?:eos|turn\||seed:eos|end of turn)>)"
).replace(" ", "[ _▁]")
TURN_END = f"<{_IN_ANGLES}"
# The same behind its first character, and "[INST]", "[END FINAL RESPONSE]"
MARK_BEHIND = rf"(?<=<){_IN_ANGLES}|(?<=\[)(?:/?inst|end[ _]final[ _]response)\]"
# Any other mark: "<|START_RESPONSE|>B", "B</answer>", "<|open|>response<|sep|>B"
OTHER = re.compile(
    rf"(?!{TURN_END})<(?:\|(?:open|close)\|>\w{{1,20}}<\|sep\|>|[|｜][^|｜<>\n]{{1,40}}[|｜]?>|\w{{1,20}}\|>|/\w{{1,20}}>"
    r"|(?:strong|em|br|span|div|code|li|h\d) {0,2}/?>|(?P<format>[bipu])>(?=[^<>]{0,200}</(?P=format)>))",
    re.IGNORECASE,
)
# GLM: <|begin_of_box|>B<|end_of_box|>; a line break
WRITTEN = {"<|begin_of_box|>": "\\boxed{", "<|end_of_box|>": "}", "<br>": "\n", "<br/>": "\n", "<br />": "\n"}
COMMENT = ("<!--", "-->")


def plain(text: str) -> str:
    """A text of the same length, with boxes as LaTeX writes them, line breaks, and blanks for other marks and for comments."""
    if "<" not in text:
        return text
    if COMMENT[0] in text:
        text = _without_comments(text)
    return OTHER.sub(lambda match: WRITTEN.get(match.group(), "").ljust(len(match.group())), text)


def _without_comments(text: str) -> str:
    """A text with blanks for HTML comments."""
    parts, at = [], 0
    while (start := text.find(COMMENT[0], at)) >= 0 and (end := text.find(COMMENT[1], start)) >= 0:
        end += len(COMMENT[1])
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*parts, text[at:]])
