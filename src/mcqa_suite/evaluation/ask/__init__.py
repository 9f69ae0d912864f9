"""`mcqa ask`: one question put to one model or two, in a browser.

model.py     a checkpoint as `mcqa eval` loads it, and how its manifest says that it is asked
question.py  a question in the prompts of a benchmark's tasks -> log-likelihoods, written answer, words that moved an option
page.py      what came out as HTML, all text escaped
app.py       the Gradio app
space.py     the folder that a Space on the hub takes
"""
