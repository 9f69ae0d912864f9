"""Patterns for the words around a letter: denials, conditions, second letters, refusals; for cleaned lower-case text."""

from __future__ import annotations

import re

WORD = "0-9A-Za-z_À-ɏ"  # next to these a letter is part of a word; Latin only, as Chinese has no spaces ("选B是因为")

# A letter in brackets or after "option", searched in a last sentence: "..., which is (F).", "The closest is option D."
MENTION = re.compile(
    r"\((?P<bracketed>[a-z])\)|\b(?:option|choice|answer|alternative|letter|opción"
    r"|opzione)s? {1,2}\(?(?P<named>[a-z])(?![\w'])"
)
# "not A", "isn't (B)", "rule out option C", "(D) is wrong": a choice that is ruled out
DENIED_BEFORE = re.compile(
    r"(?:\bnot|n't|\bnever|\bneither|\bnor|rule[sd]? out|ruling out|eliminat\w{1,5}|exclud\w{1,4}|reject\w{0,4}"
    r"|unlike|except|than"
    r"|instead of|rather than|cannot be|discard\w{0,4}|(?:incorrect|wrong)(?= \w|:))(?: \w{1,12}){0,2}[ :(]{0,3}$"
)
DENIED_AFTER = re.compile(
    r"[)\]}]{0,2} {1,2}(?:\w{1,12} )?(?:(?:is|are|was|does|do|can|could|would|has|have|seems)(?:n't| not|"
    r" (?:\w{1,12} )?(?:wrong|incorrect|false|invalid|ruled|eliminated|out\b|impossible))|cannot|can't|won't|fails)"
)
# "B if the clue holds": a choice under a condition
CONDITIONAL_AFTER = re.compile(
    r"[)\]},']{0,3} {0,2}(?:only )?(?:if(?! i (?:had|have|must|were forced))|unless|when|provided|assuming|depending)\b"
)
CONDITIONAL_BEFORE = re.compile(r"\b(?:if|unless|suppose|supposing|assuming|were|in case|otherwise|whether)\b")
# "could be", "not", "either": with these, "the answer ... is X" does not commit to X
UNCOMMITTED = re.compile(
    r"\b(?:not|cannot|could|might|may|either|neither|isn't|wasn't|wrong|incorrect|if|whether|nor)\b|n't\b"
)
# "B, D", "A or B", "(A) and (C)", "A/B": a second letter directly after the first
SECOND = re.compile(
    r"[)\]}.']{0,2}(?P<link> {0,2}(?:,|/|&|\+|;| and | or | und | oder | et | ou | y | o | e | as well as |和|或|与|及)"
    r" {0,2}(?:and |or |both )?(?:option |choice "
    r"|answer )?)(?P<open>[(\[]?)(?P<letter>[A-Za-z])(?P<close>[)\]]?)(?![\w'])"
)
SECOND_FAR = re.compile(r" (?:or|and|und|oder|et|ou|y|o) [(\[]?(?P<letter>[A-Z])(?:[)\].:])(?: |$)")
# What may follow "a" or "i" as a letter, not as an article or pronoun: "A because", "I, since"
AFTER_WORD = re.compile(
    r" {0,2}(?:$|[.,;:!?)\]}\n|<\\-]|\((?![a-z]\))|(?:because|since|as|due|which|with|based|given|according|and"
    r"|or|from|in this"
    r"|is the|is correct|is right|here|as it|on|after|therefore|so|but|hence|it is|if)\b)"
)

REFUSAL = re.compile(
    r"\b(?:sorry|apologi[sz]e|unable to|as an ai|as a(?:n artificial| large)?(?: intelligence)? language model"
    r"|just an ai"
    r"|i'm an (?:ai|artificial)|i am an (?:ai|artificial)|an ai (?:language )?model)\b"
    r"|\b(?:cannot|can't|can not|won't|will not|couldn't|could not|not able to|refuse to|decline to"
    r"|not possible to|impossible to)"
    r" (?:\w{1,12} ){0,3}?(?:provide|answer|select|choose|give|help|assist|determine|make|pick|offer|express"
    r"|decide|say|identify|be (?:determined|answered|known|given|chosen|sure))\b"
    r"|\b(?:don't|do not|doesn't|does not) (?:have|hold|know|possess|contain|provide)\b"
    r"|\bnone of (?:the|these|those|them|which)\b|\bno (?:correct|right|valid|suitable|single|definitive"
    r"|clear) (?:answer|option|choice)"
    r"|\bnot (?:provided|listed|among|given|included|enough information|sufficient)\b|\binsufficient\b"
    r"|\bnot appropriate\b"
    r"|\bmore (?:context|information)\b|无法|不能|kann ich nicht|no puedo|ne peux pas|non posso"
)
