"""Extraction from answers of every shape: what is read, and what is not."""

from __future__ import annotations

import pytest

from mcqa_suite.extract import extract_choice, extract_grid, extract_number

CITIES = ["Paris", "London", "Berlin", "Madrid"]
# Shapes that answers take, each a row that some reader got wrong or could get wrong
TOWER = ["12 metres", "15 metres", "18 metres", "21 metres", "none of the above"]
TRANSPORT = [
    "osmosis",
    "diffusion",
    "filtration",
    "active transport",
    "endocytosis",
    "exocytosis",
    "facilitated diffusion",
]


TRANSPORT += ["pinocytosis", "phagocytosis", "bulk flow"]


VERDICTS = ["Guilty", "Guilty of fraud", "Not guilty", "Not proven"]
NUMBERS = ["8", "18", "80", "0.8"]
CHOICE_SHAPES = [
    ("B", CITIES, "B"), ("[B]", CITIES, "B"), ("b) London", CITIES, "B"), ("B London", CITIES, "B"),
    ("`C`", CITIES, "C"), ("'C'", CITIES, "C"), ("Option B", CITIES, "B"), ("London", CITIES, "B"),
    ("B (London)", CITIES, "B"), ("<B>", CITIES, "B"), ("{B}", CITIES, "B"), ("I", TRANSPORT, "I"),
    ("The answer is B", CITIES, "B"), ("The correct choice is (D).", CITIES, "D"), ("Ans: B", CITIES, "B"),
    ("Therefore, the answer must be D.", CITIES, "D"), ("I'd say C.", CITIES, "C"), ("My choice is B", CITIES, "B"),
    ("Must be D.", CITIES, "D"), ("That would be B.", CITIES, "B"),
    ("The correct answer to this question is therefore option D.", CITIES, "D"), ("The solution is B.", CITIES, "B"),
    ("(C) is the right one.", CITIES, "C"), ("Answer = B", CITIES, "B"), ("The answer's B.", CITIES, "B"),
    ("Selected option: B", CITIES, "B"), ("Choose B", CITIES, "B"), ("Let's go with B.", CITIES, "B"),
    ("=> B", CITIES, "B"), ("→ C", CITIES, "C"), ("The correct answer is indeed C.", CITIES, "C"),
    ("I believe it is C", CITIES, "C"), ("I think B", CITIES, "B"), ("Probably C.", CITIES, "C"),
    ("Definitely D!", CITIES, "D"), ("The answer is: London", CITIES, "B"), ("Answer:\nB", CITIES, "B"),
    ("Final answer:\n\n\nD", CITIES, "D"), ("**B) London**", CITIES, "B"), ("- **B**", CITIES, "B"),
    ("The answer is **B. London**.", CITIES, "B"), ("~~A~~ B", CITIES, "B"), ("1. **B**", CITIES, "B"),
    ("| Answer | B |", CITIES, "B"), ("***D***", CITIES, "D"), ("\\boxed{\\textbf{(C)}}", CITIES, "C"),
    ("\\[ \\boxed{\\text{C}} \\]", CITIES, "C"), ("\\fbox{B}", CITIES, "B"),
    ("\\boxed{18\\text{ metres}}", TOWER, "C"), ("\\boxed{\\text{Option B}}", CITIES, "B"),
    ("\\boxed{\\text{Answer: B}}", CITIES, "B"), ("\\boxed{A} or \\boxed{B}", CITIES, None),
    ("None of these apply; none of the above.", TOWER, "E"), ("Guilty.", VERDICTS, "A"),
    ("Facilitated diffusion.", TRANSPORT, "G"), ("So we get 8.", NUMBERS, "A"),
    ("I think this is a hard one.", TRANSPORT, None), ("The answer is I think London.", CITIES, "B"),
    ("a", CITIES, "A"), ("A city on the Thames: London.", CITIES, "B"), ("Hepatitis C is a virus.", CITIES, None),
    ("It is not A, not B, and not C, so D.", CITIES, "D"), ("Not A.", CITIES, None),
    ("By elimination, B.", CITIES, "B"), ("Everything but C can be excluded.", CITIES, None),
    ("It can't be A or B, and D is too far, so C it must be.", CITIES, "C"), ("A... no, actually B.", CITIES, "B"),
    ("I said A, but it should be D.", CITIES, "D"), ("B. Hmm, let me reconsider. The answer is D.", CITIES, "D"),
    ("At first B seemed right. Now I see it is C.", CITIES, "C"),
    ("C\nBecause A and B are not in Germany.", CITIES, "C"), ("The options are A, B, C and D.", CITIES, None),
    ("A) Paris B) London C) Berlin D) Madrid", CITIES, None), ("Which of these is right?", CITIES, None),
    ("A and B", CITIES, None), ("A, C", CITIES, None), ("The answers are A, B, and D.", CITIES, None),
    ("All of them: A, B, C, D", CITIES, None), ("The answer could be A or B; I am not sure.", CITIES, None),
    ("It depends: A in winter, C in summer.", CITIES, None), ("Were it the Seine, I would choose A.", CITIES, None),
    ("I cannot determine the answer.", CITIES, None), ("I don't know.", CITIES, None),
    ("I'm sorry, I can't assist with that request about Paris.", CITIES, None),
    ("I am unable to choose between A and B.", CITIES, None),
    ("First, consider A. Paris lies on the Seine, which", CITIES, None),
    ("Let us see. Paris is on the Seine. London is on", CITIES, None),
    ("To find this we look at option A first. It has", CITIES, None),
    ("<think>A? The answer is A.</think>B", CITIES, "B"),
    ("<reasoning>so A</reasoning><answer>C</answer>", CITIES, "C"), ("[THINK]A[/THINK]B", CITIES, "B"),
    ("<answer>C</answer>", CITIES, "C"), ("<answer>\nC\n</answer>", CITIES, "C"),
    ("{\"choice\": \"C\", \"why\": \"the answer A is wrong\"}", CITIES, "C"),
    ("```json\n{\n  \"reasoning\": \"A is wrong\",\n  \"answer\": \"B\"\n}\n```", CITIES, "B"),
    ("[[A]] is my verdict", CITIES, "A"), ("<final>B</final>", CITIES, "B"), ("{\"answer\": 2}", CITIES, "B"),
    ("The answer is C.\n\nQ: What is 2+2?\nA: D", CITIES, "C"), ("C<|im_end|>\n<|im_start|>user\nB?", CITIES, "C"),
    ("The answer is B.\n\nThe following are multiple choice questions.\nQuestion: x\nAnswer: D", CITIES, "B"),
    ("The last line should be 'Answer: $LETTER'.\nAnswer: A", CITIES, "A"), ("Ｂ", CITIES, "B"), ("Ⓑ", CITIES, "B"),
    ("The answer is\u2009B.", CITIES, "B"), ("Answer: 𝐁", CITIES, "B"), ("Answer — C", CITIES, "C"),
    ("【答案】B", CITIES, "B"), ("Die Antwort ist B.", CITIES, "B"), ("Richtig ist D.", CITIES, "D"),
    ("Lösung: B", CITIES, "B"), ("Réponse : C", CITIES, "C"), ("La respuesta es C.", CITIES, "C"),
    ("Respuesta final: D", CITIES, "D"), ("La risposta esatta è la D", CITIES, "D"), ("所以选D。", CITIES, "D"),
    ("故选C", CITIES, "C"), ("A resposta correta é B.", CITIES, "B"), ("Ответ: B", CITIES, "B"),
    ("答えはCです", CITIES, "C"), ("정답은 B입니다", CITIES, "B"), ("The answer is Z", CITIES, None),
    ("The answer is H.", TRANSPORT, "H"), ("The second option.", CITIES, "B"), ("The answer is 2.", CITIES, "B"),
    ("Option 3", CITIES, "C"), ("I choose the first option.", CITIES, "A"),
    ("The last option is correct.", CITIES, "D"), ("2", CITIES, "B"), ("2)", CITIES, "B"),
    ("Option 2 is correct.", CITIES, "B"), ("The answer is number 4.", CITIES, "D"),
    ("The answer is (C) London", CITIES, None), ("The answer is London (C).", CITIES, None),
    ("\\boxed{A. Berlin}", CITIES, None), ("The answer is B, which is Berlin.", CITIES, None),
    ("the correct option is (a)", CITIES, "A"), ("the answer is a", CITIES, "A"), ("b is correct", CITIES, "B"),
    ("I doubt that the answer is B.", CITIES, None), ("I doubt that, on the whole, the answer is B.", CITIES, None),
    ("It would be wrong to conclude that the answer is A.", CITIES, None), ("I doubt it is option B.", CITIES, None),
    ("Anyone who says the answer is B has misread the map.", CITIES, None), ("I would never choose B.", CITIES, None),
    ("Nobody would claim the right answer is D.", CITIES, None), ("B is hardly the right answer.", CITIES, None),
    ("It is false that the answer is London.", CITIES, None), ("I doubt London is right.", CITIES, None),
    ("It is a common misconception that the answer is A.", CITIES, None), ("B? No way.", CITIES, None),
    ("Saying the answer is B would be a mistake.", CITIES, None), ("You might think the answer is A.", CITIES, None),
    ("The answer is B? I don't think so.", CITIES, None), ("The answer is B? Yes.", CITIES, "B"),
    ("So the answer is A? No. The answer is D.", CITIES, "D"), ("I am not sure that the answer is B.", CITIES, None),
    ("It is unlikely that B is the correct answer.", CITIES, None), ("La respuesta no es la B.", CITIES, None),
    ("La risposta non è la B.", CITIES, None), ("A resposta não é B.", CITIES, None), ("Ответ не B.", CITIES, None),
    ("答えはBではない。", CITIES, None), ("答案不是B。", CITIES, None), ("我不认为答案是B。", CITIES, None),
    ("정답은 B가 아닙니다.", CITIES, None), ("الجواب ليس B", CITIES, None), ("Die Antwort ist nicht B.", CITIES, None),
    ("La réponse n'est pas la B.", CITIES, None), ("Je ne pense pas que la réponse est B.", CITIES, None),
    ("The answer is not B but A.", CITIES, "A"), ("La réponse n'est pas la A mais la B.", CITIES, "B"),
    ("Die Antwort ist nicht A, sondern C.", CITIES, "C"), ("La respuesta no es la A sino la D.", CITIES, "D"),
    ("There is no doubt that the answer is C.", CITIES, "C"), ("Nobody denies that the answer is C.", CITIES, "C"),
    ("I am not sure about A, but the answer is C.", CITIES, "C"), ("Since A is false the answer is C.", CITIES, "C"),
    ("It is wrong to pick A, so the answer is C.", CITIES, "C"), ("I doubt A fits. The answer is C.", CITIES, "C"),
    ("The answer is C. I don't think A fits.", CITIES, "C"), ("I can't help but say the answer is C.", CITIES, "C"),
    ("The answer is not guilty.", VERDICTS, "C"),
    ("- [ ] A\n- [x] B", CITIES, "B"), ("A ❌\nB ✅\nC ❌\nD ❌", CITIES, "B"), ("- [x] A\n- [x] B", CITIES, None),
    ("A: incorrect\nB: incorrect\nC: correct\nD: incorrect", CITIES, "C"),
    ("A) Paris ❌\nB) London ✅\nC) Berlin ❌", CITIES, "B"),
    ("\ud83d", CITIES, None),
]  # fmt: skip


@pytest.mark.parametrize(("response", "choices", "answer"), CHOICE_SHAPES)
def test_choice_shapes(response: str, choices: list[str], answer: str | None) -> None:
    assert extract_choice(response, choices).answer == answer


NUMBER_SHAPES = [
    ("#### 1,080", "1080"), ("#### $18", "18"), ("#### 3/4", "0.75"), ("\\boxed{-3}", "-3"),
    ("\\boxed{1,000}", "1000"), ("\\boxed{\\frac{3}{4}}", "0.75"), ("\\boxed{2\\frac{1}{2}}", "2.5"),
    ("\\boxed{42 \\text{ apples}}", "42"), ("\\boxed{3.50}", "3.5"), ("\\boxed{12\\,000}", "12000"),
    ("\\boxed{(2,3)}", None), ("\\boxed{A}", None), ("The answer is 18", "18"), ("The final answer is $18.", "18"),
    ("Answer: 18", "18"), ("ANSWER: 42", "42"), ("The correct answer is therefore 12.", "12"),
    ("The answer is minus 7", "-7"), ("The answer is about 20 minutes.", "20"), ("The answer is \\(12\\).", "12"),
    ("The answer would be 15.", "15"), ("Bob has 5 apples left over from the 12 he bought.", "5"),
    ("He will be 40 in 2030.", "40"), ("= 12", "12"), ("x = 4", "4"), ("Total = $1,200", "1200"), ("-45", "-45"),
    ("The balance is -$45.", "-45"), ("The temperature is -3 degrees.", "-3"), ("10-3 = 7", "7"),
    ("1,234,567", "1234567"), ("1.234.567", "1234567"), ("$1,080.50", "1080.5"), ("1,500", "1500"),
    ("The answer is 1_000", "1000"), ("18.", "18"), ("18,", "18"), ("\"18\"", "18"), ("18;", "18"), ("25%", "25"),
    ("25 percent", "25"), ("0.25", "0.25"), ("2 1/2", "2.5"), ("2½ cups", "2.5"),
    ("$\\frac{22}{7}$", "3.142857142857"), ("The answer is 1/0", None), ("1e3", "1000"), ("3 x 10^4", "30000"),
    ("5E2", "500"), ("0.50", "0.5"), ("0", "0"), ("0.0", "0"), ("5km", "5"), ("30°", "30"), ("5x", None),
    ("Twenty-one", "21"), ("two thousand", "2000"), ("3 million", "3000000"), ("2 dozen", "24"), ("zero", "0"),
    ("Step 1: do\nStep 2: done", None), ("In 2021, 14 cows stood there.", "14"), ("<think>11</think>12", "12"),
    ("11</think>The answer is 12", "12"), ("20, no, 22", "22"), ("3 or 4", None), ("Between 3 and 5", None),
    ("3 and 5", None), ("The answers are 3 and 5.", None), ("I cannot solve this.", None),
    ("Not enough information is given about the 3 cats.", None), ("The answer is ", None),
    ("So the total is 3 * 4 = 12, and then we", None), ("The answer is $", None), ("The total is 3 + 4.", None),
    ("The answer is 2^5.", None), ("(261)(23)", None), ("The total is **42** dollars.", "42"),
    ("- **Answer**: 42 km", "42"), ("12.75 USD", "12.75"), ("£1,200", "1200"), ("$12", "12"), ("12,75 €", "12.75"),
    ("{\"answer\": \"42\"}", "42"), ("{\"result\": 42, \"answer\": 43}", "43"), ("<answer>42</answer>", "42"),
    ("[42]", "42"), ("答案是 42", "42"), ("٤٢", "42"), ("Die Antwort ist 42.", "42"), ("La respuesta es 42.", "42"),
    ("Antwort: 1.080", "1.08"), ("The answer is 42.\n\nQ: How many?\nA: 43", "42"),
    ("The answer is 42.<|im_end|>\n<|im_start|>user\n17", "42"),
    ("Let x be 3. Then x + 4 = 7, so the answer is 7 + 1 = 8.", "8"), ("So it takes 3 hours and 20 minutes.", None),
    ("She earns $18 every day at the farmers' market.", "18"), ("In total, 3 friends paid 45 dollars.", "45"),
    ("The cost for 12 people is $240.", "240"), ("After 3 years she will have 500 dollars.", "500"),
    ("It is false that the answer is 7.", None), ("I doubt that the answer is 7.", None), ("x ≠ 5", None),
    ("The answer is not 5", None), ("The answer isn't 5.", None), ("Die Antwort ist nicht 12.", None),
    ("La respuesta no es 5.", None), ("La réponse n'est pas 5.", None), ("A resposta não é 5.", None),
    ("Ответ не 5.", None), ("答案不是5。", None), ("答えは5ではない。", None), ("La risposta non è 5", None),
    ("The answer is 7? I don't think so.", None), ("Nobody would say the total is 12.", None),
    ("The answer is not 5 but 7.", "7"), ("Die Antwort ist nicht 5, sondern 7.", "7"), ("It's not 5, it's 7.", "7"),
    ("There is no doubt that the answer is 7.", "7"), ("The answer is 7, not 5.", "7"),
    ("The people who think so are 16.", "16"), ("La réponse est 1 234,5 €", "1234.5"), ("5 000,50 €", "5000.5"),
    ("The answer is 2π", None), ("The answer is 3π/2", None), ("\\boxed{2\\pi}", None), ("The answer is 2√3", None),
    ("The answer is 3 pints", "3"), ("**Answer:** 7 days 3 hours", None), ("The answer is 5 feet 3 inches.", None),
    ("They met on March 4, 2021.", None), ("The meeting is on 4 March 2021.", None), ("The answer is 10^6.", "1000000"),
    ("The answer is 10^{-3}", "0.001"), ("The answer is 3 * 10^6", "3000000"), ("The answer is 5!", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("response", "answer"), NUMBER_SHAPES)
def test_number_shapes(response: str, answer: str | None) -> None:
    assert extract_number(response).answer == answer


GRID_SHAPES = [
    ("1 0 2\n0 3 0", [[1, 0, 2], [0, 3, 0]]), ("```\n1 0 2\n0 3 0\n```", [[1, 0, 2], [0, 3, 0]]),
    ("102\n030", [[1, 0, 2], [0, 3, 0]]), ("[1, 0, 2]\n[0, 3, 0]", [[1, 0, 2], [0, 3, 0]]),
    ("[1, 0, 2],\n[0, 3, 0]", [[1, 0, 2], [0, 3, 0]]), ("\\boxed{[[1,0,2],[0,3,0]]}", [[1, 0, 2], [0, 3, 0]]),
    ("[['1','0','2'],['0','3','0']]", [[1, 0, 2], [0, 3, 0]]), ("[[1 0 2]\n [0 3 0]]", [[1, 0, 2], [0, 3, 0]]),
    ("np.array([[1, 0, 2], [0, 3, 0]])", [[1, 0, 2], [0, 3, 0]]),
    ("{\"output\": [[1,0,2],[0,3,0]]}", [[1, 0, 2], [0, 3, 0]]),
    ("```json\n[\n  [1, 0, 2],\n  [0, 3, 0]\n]\n```", [[1, 0, 2], [0, 3, 0]]),
    ("[\n [\n 1,\n 0\n ],\n [\n 0,\n 3\n ]\n]", [[1, 0], [0, 3]]), ("[[1,0,2],[0,3,0]", None),
    ("[[1,0,2],[0,3", None), ("1 0 2\n0 3", None), ("1 0 12\n0 3 0", None), ("[[-1,0],[0,3]]", None),
    ("[[1.0,0],[0,3]]", None), ("[[]]", None), ("[]", None),
    ("[[1,0],[2,3]]\nThis is a 2x2 grid with 4 cells.", [[1, 0], [2, 3]]),
    ("Row 1: 1 0 2\nRow 2: 0 3 0", [[1, 0, 2], [0, 3, 0]]), ("1 0 2 \n0 3 0 ", [[1, 0, 2], [0, 3, 0]]),
    ("1\t0\t2\n0\t3\t0", [[1, 0, 2], [0, 3, 0]]), ("1 0 2\n\n0 3 0", [[1, 0, 2], [0, 3, 0]]),
    ("| 1 | 0 |\n|---|---|\n| 2 | 3 |", [[1, 0], [2, 3]]), ("I cannot.", None), ("Input:\n1 1\n2 2", None),
    ("The output is [[5]]", [[5]]), ("[[a,b],[c,d]]", None), ("\uff11 \uff10\n\uff10 \uff13", [[1, 0], [0, 3]]),
    ("<think>[[1]]", None), ("Output:\n[[1,2],[3,4]]\nInput:\n[[0,0],[0,0]]", [[1, 2], [3, 4]]), ("[[true,1]]", None),
    ("The grid is 3x3.", None), ("1|0|2\n0|3|0", [[1, 0, 2], [0, 3, 0]]), ("  1 0\n  0 3\n", [[1, 0], [0, 3]]),
    ("[[[1,0],[0,1]]]", [[1, 0], [0, 1]]), ("[[1, 0], [0, 1]]\n\n[[2, 0], [0, 2]]", [[2, 0], [0, 2]]),
    ("1,0,2;0,3,0", None),
    ("The output is not [[1,2],[3,4]]", None), ("The output is not:\n1 2\n3 4", None),
    ("I doubt that the output is [[1,2],[3,4]]", None), ("No doubt the output is [[1,2]]", [[1, 2]]),
    ("The output is not [[1,2],[3,4]] but [[0,1],[1,0]]", [[0, 1], [1, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("response", "rows_"), GRID_SHAPES)
def test_grid_shapes(response: str, rows_: list[list[int]] | None) -> None:
    assert extract_grid(response).answer == rows_
