"""Find denial and doubt, which make an announcement not count. The patterns expect cleaned lower-case text."""

from __future__ import annotations

import re

REACH = 200  # characters that are searched before an announcement
SHORTEST = 4  # characters of the shortest denial: 我不认为
_SAY = (
    r"(?:sa(?:y|ys|id|ying)|claim|think|thought|believ|argu|suggest|assert|conclud|maintain|insist|assum|suppos|pretend"
    r"|accept|agree|guess|answer|stat|hold|cho[os]|pick|tell|told)(?:e|es|s|ed|ing)?"
)
_W = r"\w{1,14} "
_UNTRUE = (
    r"wrong|false|incorrect|untrue|mistaken?|error|unlikely|implausible|impossible|premature|nonsense|absurd"
    r"|foolish|misleading|tempting|hasty|unclear|uncertain|questionable|debatable|doubtful"
)
# Phrases that deny or doubt the clause after them: "I doubt that", "it is wrong to say that", "nobody would claim"
UNDER = re.compile(
    # a double denial, which denies nothing: "no doubt", "nobody denies", "it is not wrong to say"
    rf"(?:\b(?:no|no one|nobody|not|never|cannot|hardly|without|beyond|little)|n't) (?:{_W}){{0,3}}?"
    rf"(?:doubt\w*|den(?:y|ies|ied|ying)|disput\w*|disagre\w*|{_UNTRUE})\b"
    r"|n't help\b|\bcannot help\b|\bno (?:hesitation|problem|trouble|difficulty|choice|option|reason|other)\b"
    r"|\b(?:sans|aucun|nul|hors de|pas de) doute\b|(?P<denial>\bdoubt(?:s|ed|ing)?\b"
    rf"|\b(?:{_UNTRUE})(?: for {_W}{{0,2}}?| of {_W})? ?(?=to |that |if |whether )"
    rf"|\b(?:nobody|no one|no-one|none|few|hardly any(?:one|body)?|neither) (?:{_W}){{0,5}}?{_SAY}\b"
    rf"|\bno (?:{_W}){{1,4}}?{_SAY}\b|(?P<reported>\b(?:who|whoever|anyone|someone) (?:{_W}){{0,2}}?{_SAY}\b)"
    rf"|(?:n't|\b(?:not|nor|never|cannot|no longer|hardly|might|may|could|refuse to"
    rf"|hesitate to)) (?:{_W}){{0,3}}?(?:{_SAY}|true|right|correct|sure"
    r"|certain|convinced|clear|obvious|possible|likely|the case|know|mean|follow|imply|show|prove|evident"
    r"|plausible|see how)\b"
    r"|\b(?:den(?:y|ies|ied|ying)|disput\w{1,4}|disagre\w{1,5}|reject\w{0,4}|refut\w{1,5}|disprov\w{1,5})"
    r" (?=that |the (?:claim|idea|notion|view|suggestion|thought|assertion))"
    r"|\b(?:misconception|myth|fallacy|illusion|rumou?r|wrongly|falsely|mistakenly|incorrectly|erroneously|far from)\b"
    r"|\b(?:doute[sz]?|douter\w*|dudo|dudamos|dubito|duvido|bezweif\w*|сомневаюсь|ne (?:pense|crois|dirais) pas"
    r"|no (?:creo|pienso|diría)|non (?:credo|penso|direi)|não (?:acho|creio|penso|diria)|(?:glaube|denke"
    r"|meine) (?:\w+ )?nicht|не (?:думаю|считаю|верю))\b|不认为|不認為|不觉得|不覺得|怀疑|懷疑)"
)
# A part of each denial that UNDER matches: a fast test before it is tried
PARTS = (
    *(
        "doubt",
        "wrong",
        "false",
        "correct",
        "true",
        "mistak",
        "error",
        "likely",
        "plausib",
        "possib",
        "premature",
        "nonsense",
    ),
    *(
        "absurd",
        "foolish",
        "misleading",
        "tempting",
        "hasty",
        "unclear",
        "certain",
        "questionable",
        "debatable",
        "nobody",
    ),
    *(
        "no ",
        "one",
        "few",
        "hardly",
        "who",
        "n't",
        "not",
        "nor ",
        "never",
        "might",
        "may ",
        "could",
        "refuse",
        "hesitate",
    ),
    *(
        "deny",
        "deni",
        "disput",
        "disagre",
        "reject",
        "refut",
        "disprov",
        "misconception",
        "myth",
        "fallacy",
        "illusion",
    ),
    *(
        "rumo",
        "neither",
        "erroneous",
        "far from",
        "doute",
        "dud",
        "dubit",
        "duvid",
        "bezweif",
        "сомнева",
        "ne ",
        "non ",
    ),
    *("não", "nicht", "не ", "不", "怀疑", "懷疑"),
)
# What may stand between a denial and its announcement: no new clause, at most an aside between commas
GAP = re.compile(
    r"(?:, ?(?:that|dass|daß|que|che|что)\b)?[^,.;:!?\n]{0,70}(?:, ?[^,.;:!?\n]{1,50}, ?[^,.;:!?\n]{0,40})?$"
)
NEW_CLAUSE = re.compile(
    r"\b(?:but|so|therefore|thus|hence|because|since|although|while|whereas|yet|and|then|however|instead)\b"
)
# "the people who think so are 16": a relative clause that ends before the announcement
OWN_CLAUSE = re.compile(rf".{{40}}|{NEW_CLAUSE.pattern}|\b(?:is|are|was|were|will|would|has|have|does)\b")
SENTENCE = re.compile(r"[.!?;:]\s|\n")
# "not", "nicht", "n'est pas", "não", "не": a denial inside an announcement, or between it and its answer
_NOT = (
    r"(?:\b(?:not|never|neither|nor|nicht|keine?s?w?e?g?s?|niemals|pas|no|non|não|nao|nunca|jamais|не|niet|nie"
    r"|inte|ikke|değil|không|bukan)\b|n't\b|n'(?=est)|ليس|不是|不|并非|非|아니|नहीं)"
)
NOT = re.compile(_NOT)
NOT_ABROAD = re.compile(rf" {{0,3}}{_NOT}")
NOT_ENGLISH = re.compile(r" {0,3}(?:not|never)\b")
# "not $5", "nicht die 12", "is not equal to 5": a denial right before a number or a grid
NOT_BEFORE = re.compile(
    rf"(?:≠|\b(?:different|far) from|\bother than|\banything but|{_NOT})(?: (?:be|is|es|è|é|est|ser|jest|je|er|är|este"
    rf"|adalah|equal|equal to|exactly|simply|just|the|the grid|a|la|le|el|die|das|der|o"
    r"|os|il|this|gleich))?[ $€£:\n]{0,4}$"
)
# "not B but C", "pas la A mais la B", "nicht A, sondern B"
CONTRAST = re.compile(
    r"[^.?!\n]{0,60}?[ ,](?:but|sondern|mais|sino|ma|mas|а|но)(?: rather| actually| instead)?(?: it is| it's)?"
    r"(?: the| la| le| die| der| das| a| el| o| il)?(?= )"
)
# "The answer is B? I don't think so."
REJECTED = re.compile(
    r"[^.?!\n]{0,80}\?[)\s]{1,4}(?:no\b|nope\b|nein\b|non\b|never\b|hardly\b|wrong\b|unlikely\b|not \w"
    r"|(?:i|we) (?:\w{1,8} )?(?:doubt|disagree|don't|do not|can't|cannot|would not|wouldn't)|i'm not|i am not"
    r"|absolutely not"
    r"|(?:that|this|it)(?:'s| is| was| can| could| does| would| seems)?(?:n't| not|not| wrong| false| unlikely"
    r"| incorrect))"
)
# "Saying the answer is B would be a mistake.", "... is B has misunderstood.", "答えはBではない"
DENIED_BEHIND = re.compile(
    rf"[)\]}}']{{0,3}} ?(?:(?:is|was|are|would be|seems|looks)(?:n't| not)? (?:{_W}){{0,2}}?(?:{_UNTRUE}|misunderst\w*"
    r"|misconception|myth|fallacy)\b|(?:has|have|had|must have|would have) (?:\w{1,12} )?"
    r"(?:misunderst|misread|forgot|overlook|mistak|erred|missed|confus)\w*|(?:が|では|じゃ|で)(?:は)?(?:ない|ありません)"
    r"|(?:is|was|seems) (?:by no means|hardly|scarcely|far from|anything but|nowhere near)\b"
    r"|değil\b|नहीं|[가이은는] ?아[니닙]|是错|是錯|不对|不對)"
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
REFUSAL = re.compile(
    r"\b(?:sorry|apologi[sz]e|unable to|as an ai|as a(?:n artificial| large)?(?: intelligence)? language model"
    r"|just an ai|i'm an (?:ai|artificial)|i am an (?:ai|artificial)|an ai (?:language )?model)\b"
    r"|\b(?:cannot|can't|can not|won't|will not|couldn't|could not|not able to|refuse to|decline to"
    r"|not possible to|impossible to)"
    r" (?:\w{1,12} ){0,3}?(?:provide|answer|select|choose|give|help|assist|determine|make|pick|offer|express"
    r"|decide|say|identify|be (?:determined|answered|known|given|chosen|sure))\b"
    r"|\b(?:don't|do not|doesn't|does not) (?:have|hold|know|possess|contain|provide)\b"
    r"|\bnone of (?:the|these|those|them|which)\b|\bno (?:correct|right|valid|suitable|single|definitive"
    r"|clear) (?:answer|option|choice)"
    r"|\bnot (?:provided|listed|among|given|included|enough information|sufficient)\b|\binsufficient\b"
    r"|\bnot appropriate\b|\bmore (?:context|information)\b|无法|不能|kann ich nicht|no puedo|ne peux pas|non posso"
)


def denied_before(low: str, at: int) -> bool:
    """Whether a denial directly precedes a letter: "not A"."""
    return bool(DENIED_BEFORE.search(low, max(0, at - 60), at))


def denied(low: str, start: int) -> bool:
    """Whether the sentence denies or doubts the announcement at `start`: "I doubt that the answer is B."."""
    before = low[max(0, start - REACH) : start]
    breaks = [match.end() for match in SENTENCE.finditer(before)]
    before = before[breaks[-1] :] if breaks else before
    if len(before) < SHORTEST or not any(map(before.__contains__, PARTS)):
        return False
    for match in UNDER.finditer(before):
        gap = before[match.end() :]
        ends = NEW_CLAUSE if match["reported"] is None else OWN_CLAUSE
        if match["denial"] and GAP.match(gap) and not ends.search(gap):
            return True
    return False


def doubtful(text: str) -> bool:
    """Whether `text` denies or doubts anything."""
    return any(match["denial"] for match in UNDER.finditer(text))


def denied_after(low: str, end: int) -> bool:
    """Whether the text directly after `end` denies it: "... is B? I don't think so.", "... is B has misunderstood."."""
    return bool(DENIED_BEHIND.match(low, end) or REJECTED.match(low, end))
