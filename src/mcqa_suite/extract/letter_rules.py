"""The ordered table of phrases that announce a choice, the most explicit first.

Every repetition is bounded. The examples have the options Paris, London, Berlin, Madrid; a test checks that each is decided
by its own rule.
"""

from __future__ import annotations

from mcqa_suite.extract.answer_words import ANSWER_OTHER, ANSWER_SPACED, IS_SPACED
from mcqa_suite.extract.rules import Rule
from mcqa_suite.extract.text import WORD

IS = r"(?:is|are|was|be|being|becomes|remains|seems|appears)(?![\w'])(?: to be\b)?"
SEP = rf"(?: {{1,3}}{IS}|'s(?= )| {{0,3}}(?:[:=|]|->|→|⇒)| {{0,2}}-{{1,2}} | {{0,3}}\n)"
BEST = (
    r"(?:therefore |thus |clearly |definitely |indeed |probably |likely |also |obviously |still |certainly |in fact "
    r"|slightly |somewhat )?"
    r"(?:the |my |our )?(?:only |most |single |one |clear )?(?:probably |likely )?"
    r"(?:correct|right|best|better|answer|accurate|appropriate|plausible|suitable|sensible|final|winner|choice"
    r"|solution)(?! than)\b"
)
LETTER = rf"(?<![{WORD}'&+/-])[(\[{{']{{0,2}}(?P<letter>[a-z])(?![{WORD}'])[)\]}}]{{0,2}}"
IS_ABROAD = rf"(?:n')?(?:{IS_SPACED}|является|будет|serait|seria|sarebbe)(?![\w'])"
OPTION_SPACED = (
    "opci[oó]n|opção|opzione|alternativa|вариант|варіант|seçenek|şık|lựa chọn|pilihan|επιλογή|richtig|korrekt"
)
OPTION_OTHER = "選択肢|선택지|विकल्प|الخيار|گزینه|বিকল্প|ตัวเลือก"

IS_OR_MUST = r"(?:is|must be|would be|should be|has to be|seems|appears|looks|remains)(?![\w'])(?: to be)?"

LETTER_RULES: tuple[Rule, ...] = (
    Rule("boxed", r"$\boxed{\text{B}}$", "B", r"\boxed|\fbox", r"\\(?:boxed|fbox) ?\{"),
    Rule(
        "tag",
        "<answer>B</answer>",
        "B",
        "answer>|answer >|answer]|ans>|choice>|option>|final>|output>|result>|response>|finish]",
        r"[<\[](?:parameter(?:=| name=) ?)?(?:final ?|my )?(?:answer|ans|finish|choice|option|final|output|result"
        r"|response) ?[>\]]",
    ),
    Rule(
        "answer_is",
        "The best answer is therefore B, London.",
        "B",
        "answer",
        rf"\banswers?\b(?P<between>(?:[^.?!\n:=]|\?(?= {{1,3}}is )){{0,90}}?){SEP}",
    ),
    Rule(
        "call",
        'Action: Finish["C"]',
        "C",
        "finish[|finish(|finish [|finish (|wer[|wer(|wer [|wer (|wer, (|wers(|submit(|submit[|submit (|choose("
        "|choose[|select(|select[|respond(|respond[|return(|return[|return (|option(|choice(|action input",
        r"\b(?:final answer|finish|answer|submit)[\s,]{1,8}action input {0,3}:"
        r"|\b(?:finish|answers?|submit|choose|select|respond|return)(?: (?:answer|option|choice))?,? {0,2}[(\[] {0,2}"
        r"(?:\w{1,12} {0,2}[=:])?(?= {0,2}'?\(?[\w'])",
    ),
    Rule("ans", "Ans. C", "C", "ans.|ans:|ans =|ans ", r"(?:^|[\n.] {0,3})ans\b[.:= ]{1,4}"),
    Rule(
        "short_answer",
        "A: B",
        "B",
        "a:|a :",
        r"(?:^|\n)[ >]{0,4}a ?:(?= {0,3}[(\[]?[a-z][)\].]{0,2}\s{0,3}(?:$|\n))",
    ),
    Rule(
        "answer_abroad",
        "Die richtige Antwort lautet: D",
        "D",
        f"{ANSWER_SPACED}|opci|opç|opzion|alternativa|вар|seçenek|şık|lựa chọn|pilihan|επιλογή|richtig|korrekt",
        rf"\b(?:{ANSWER_SPACED}|{OPTION_SPACED})\w{{0,7}}\b(?:[^.?!\n:=]{{0,60}}?"
        rf"(?: {{1,3}}{IS_ABROAD}| {{0,3}}[:=]| {{0,2}}- | {{0,3}}\n)| {{1,2}}(?=\(?[a-z]\)?(?:[.,!']|\s|$)))",
    ),
    Rule(
        "answer_chinese",
        "正确答案是B。",
        "B",
        "答|选|選|正确|正確",
        r"(?:(?:正确|正確)的(?=是)|(?:正确|正確|最佳|最终|最終)?(?:答案|选项|選項|回答)(?:应该|應該|应|應|就|便)?(?:是|为|為|选|選)?"
        r"|(?:应该|應該|应|應|所以|因此|故|我)?(?:选择|選擇|选|選)) ?\]?[:是为為]?",
    ),
    Rule(
        "answer_other_scripts",
        "答えはCです",
        "C",
        f"{ANSWER_OTHER}|{OPTION_OTHER}",
        rf"(?:{ANSWER_OTHER}|{OPTION_OTHER})[^.?!\na-z0-9]{{0,30}}(?=[a-z](?![a-z])|\d(?![\d.,]))",
    ),
    Rule(
        "choice_is",
        "Final choice: C",
        "C",
        "choice|option|selection|conclusion|verdict|decision|guess|pick|lett|letra|correct|right|best|response|result|output|label"
        "|prediction|final|finish|vote|selected|chosen",
        r"\b(?:(?:choice|option|selection|conclusion|verdict|decision|guess|pick|letter|lettera|letra|lettre|response"
        r"|(?:correct|right|best) one)\b"
        rf"(?P<between>[^.?!\n:=]{{0,60}}?)(?:{SEP}| {{1,3}}{IS_ABROAD})"
        r"|(?:correct|result|output|label|prediction|final|finish|vote|selected|chosen)\b(?: is)? {0,2}[:=])",
    ),
    Rule(
        "i_choose",
        "I'd go with D here.",
        "D",
        "i'd |i would |i'll |i will |i'm |i am |i choose|i pick|i select|i go|i vote|i guess|i shall |i must "
        "|i should |i opt"
        "|i chose|i say|i answer|i do |i lean|i have |i settle|we choose|we pick|we select|we would|we can"
        "|we should|we must"
        "|i prefer|we will|we opt|we go|ich |je |elijo|scelgo|escolho|ik |jeg |jag |wybieram|выбираю|chọn",
        r"\b(?:ich (?:wähle|nehme)|je (?:choisis|prends)|elijo|scelgo|escolho|ik kies|jeg (?:vælger|velger)|jag väljer|wybieram"
        r"|выбираю|chọn)\b|\b(?:i|we)(?: ?'d| ?'ll| ?'m| would| will| am| shall| must| should| have to| do|)(?: \w{1,12})?"
        r" (?:choose|pick|select|prefer|go with|go for|going with|going for|opt for|opting for|choosing|guess|say|answer"
        r"|give(?: you)?|provide|respond with|answer with|lean towards?|leaning towards?|vote for|settle on|settle for"
        r"|have chosen|chose|selected)\b(?: that)?(?: it is| it's)?(?: option| answer| choice| letter)?",
    ),
    Rule(
        "choose",
        "Let's go with B.",
        "B",
        "choose|pick|select|go with|going with|mark|tick",
        r"(?:^|[.!\n] {0,3}|let's |let us |let me |so |therefore,? )(?:choose|pick|select|go with"
        r"|going with|mark|tick)\b(?: the)?(?: option)?",
    ),
    Rule(
        "is_the_answer",
        "B is the correct answer.",
        "B",
        "is the |is my |is our |be the |be my |be our |seems |appears |looks |remains |ly the ",
        rf"{LETTER},? {{1,2}}{IS_OR_MUST} (?:\w{{1,12}}ly )?(?:the|my|our) (?:(?!wrong|incorrect|worst"
        rf"|other)\w{{1,14}} ){{0,4}}?"
        r"(?:answer|choice|option|solution|winner)\b",
        "after",
    ),
    Rule(
        "is_correct",
        "On reflection D is better.",
        "D",
        "correct|right|best|better|accurate|appropriate|plausible|suitable|sensible|final",
        rf"{LETTER},? {{1,2}}{IS_OR_MUST} {BEST}",
        "after",
        weak=True,
    ),
    Rule(
        "is_correct_abroad",
        "Option C ist richtig.",
        "C",
        "正确|正確|符合|正解|正し|정답|맞|입니다|richtig|korrekt|correct|juste|giusta|corretta|certa",
        rf"{LETTER} ?(?:(?:选项|選項|项|項)?(?:是|为|為|が|は)?(?:正确|正確|符合|正解|正し)|번?[이가] (?:정답|맞|옳)"
        r"|(?<=따라서 .)입니다"
        r"|(?:ist|est|es|è|é) (?:die |la )?(?:richtig|korrekt|correct|juste|giusta|corretta|certa)\w{0,3})",
        "after",
        weak=True,
    ),
    Rule(
        "may_be_best",
        "To me option C, the one by the Spree, might be the most fitting answer.",
        "C",
        "might be the|may be the|could be the|likely be the",
        rf"\b(?:option|choice|answer) {LETTER}[^.?!\n]{{0,120}}? (?:might|may|could"
        rf"|would likely) be the (?:most|best)\b",
        "after",
        weak=True,
    ),
    Rule(
        "is_option",
        "The least likely of these would be option A.",
        "A",
        "option|choice|letter",
        r"\b(?:is|are|be|being)(?: \w{1,12}ly)?,? (?:the )?(?:option|choice"
        r"|letter)(?= {1,2}[(\[']?[a-z][)\]']?(?:[^\w]|$))",
        weak=True,
    ),
    Rule(
        "superlative_is",
        "The most fitting of the four would be B. London.",
        "B",
        "most |best |least |closest |correct |strongest |weakest |greatest |largest |smallest |highest |lowest ",
        r"\b(?:most|best|least|closest|correct|strongest|weakest|greatest|largest|smallest|highest"
        r"|lowest)\b[^.?!\n:]{0,100}?"
        r" (?:is|are|be):?(?=\s{1,3}[(\['\"]?[a-z][)\].:])",
        weak=True,
    ),
    Rule(
        "letter_it_is",
        "So C it is.",
        "C",
        " it is| it must be| it has to be",
        rf"{LETTER} it (?:is|must be|has to be)(?! \w)",
        "after",
        weak=True,
    ),
    Rule(
        "correction",
        "I first took A. No wait, C.",
        "C",
        "wait|actually|correction|rather|instead|make that|i mean|reconsider|reflection|second thought|change|switch",
        r"\b(?:no,? wait|wait,? no|wait|actually|correction|make that|i mean|i meant|rather"
        r"|on (?:reflection|second thoughts?)|change (?:my answer|it|that) to|switch to)[,:]? "
        r"(?:no,? )?(?:it is |it's |it must be |i choose |i pick )?(?:option |choice )?",
        strict=True,
    ),
    Rule(
        "therefore",
        "Therefore, (C).",
        "C",
        "therefore|thus|hence|so|must be|conclu|it's|it is|leav|consequently|elimination|has to be|should be"
        "|that |this |which "
        "|can only be|=>|->|→|⇒|∴|✅|✔|👉|➡",
        r"(?:\b(?:therefore|thus|hence|so|consequently|conclude|we conclude that|it's|by elimination"
        r"|leav(?:es|ing)(?: us with)?(?: only)?|(?:it|that|this|which) (?:is|was)|(?:must|should|has to|would"
        r"|will|can only) be)|=>|->|→|⇒|∴|✅|✔|👉|➡)[,:]? {0,2}(?:only )?(?:we (?:get|have|are left with) )?"
        r"(?:it is |it's |it (?:must|should|has to|would) be )?(?:option |choice )?",
        strict=True,
        weak=True,
    ),
    Rule(
        "after_question",
        "Which city lies on the Thames? B.",
        "B",
        "?",
        r"\?[\s'):]{1,4}(?=\(?[a-z]\)?[.)]{0,2}(?:\s[^?\n]{1,160})?\Z)",
        strict=True,
        weak=True,
    ),
    Rule(
        "i_think",
        "Probably C.",
        "C",
        "i think|i believe|i guess|probably|likely|definitely|certainly|surely|clearly|obviously|perhaps|maybe",
        r"(?:\bi (?:think|believe|guess)"
        r"|(?:^|[.\n] {0,3})(?:most )?(?:probably|likely|definitely|certainly|surely|clearly|obviously|perhaps|maybe)),? "
        r"(?:it is |it's )?(?:option |choice )?",
        strict=True,
        weak=True,
    ),
)
