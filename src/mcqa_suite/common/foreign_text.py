"""Text from files and servers, made harmless for a terminal, Markdown, CSV, LaTeX, XML and the logs of CI servers."""

from __future__ import annotations

import re

SIGN = "\ufffd"  # stands for a character that is not shown
# Control characters, marks that change the direction of writing, and half surrogates, which no file or terminal can hold.
DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
UNPRINTABLE = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{DIRECTIONS}\u2028\u2029\ud800-\udfff]")
LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
WHITE = re.compile(r"[\t\n]")
TAG = re.compile(r"<(?=[A-Za-z/!?])")
NOT_XML = re.compile("[\ufffe\uffff]")  # besides what is not printable
MENTION = re.compile(r"@(?=\w)")
MARKUP = re.compile(r"\\?([\[\]]|<(?=[A-Za-z/!?]))")
ENTITIES = {"[": "&#91;", "]": "&#93;", "<": "&lt;"}
ENTITY = re.compile(r"&(?=[#A-Za-z])")
# What the runners of GitHub and of Azure take for a command: "::" at the start of a line, and "##[" or "##vso[" anywhere.
COMMAND = re.compile(r"^([^\S\n]*)::|##(?=\w*\[)", re.MULTILINE)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would compute


def encodable(text: str) -> str:
    """The text with the sign for each half surrogate, which no file, server or tokenizer takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def printable(text: str) -> str:
    """The text with line ends of one kind, and a sign for each other control character."""
    return UNPRINTABLE.sub(SIGN, LINE_END.sub("\n", text))


def one_line(text: str) -> str:
    """A name as one line: a sign for each control character, line ends and tabs included."""
    return UNPRINTABLE.sub(SIGN, WHITE.sub(SIGN, text))


def markdown_cell(text: str) -> str:
    """A cell of a Markdown table, whose text ends no cell or row and opens no tag of HTML."""
    return TAG.sub(r"\\<", one_line(text).replace("|", "\\|"))


def csv_cell(text: str) -> str:
    """A cell of a CSV file, with a "'" before what a spreadsheet would run as a formula."""
    return f"'{one_line(text)}" if text.startswith(FORMULA) else one_line(text)


def fenced(text: str) -> str:
    """A block of Markdown that shows the text: its fence is longer than any in the text."""
    shown = printable(text).rstrip()
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`{3,}", shown))])
    return f"{fence}text\n{shown}\n{fence}"


def code(text: str) -> str:
    """A short text of Markdown in the letters of a program."""
    return f"`{one_line(text).replace('`', chr(39))}`"


def xml_text(text: str) -> str:
    """A text that XML 1.0 can hold; a library still has to escape it."""
    return NOT_XML.sub(SIGN, printable(text))


def github_markdown(text: str) -> str:
    """Markdown without links, tags and mentions, which would notify people."""
    plain = MARKUP.sub(lambda match: ENTITIES[match[1]], ENTITY.sub("&amp;", text))
    return MENTION.sub("@\u200b", plain)


def without_commands(text: str) -> str:
    """A text of which the runner of a workflow takes no line for a command."""
    return COMMAND.sub(lambda match: f"{SIGN}{match[0]}" if "::" in match[0] else f"#{SIGN}#", text)


def workflow_command(level: str, title: str, message: str) -> str:
    """A workflow command of GitHub that shows a message: `::error title=...::...`."""
    text = _command_text(printable(message))
    name = _command_text(one_line(title)).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{text}"


def _command_text(text: str) -> str:
    return without_commands(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
