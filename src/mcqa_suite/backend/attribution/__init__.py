"""Which words of a prompt moved the score of an option: attributions by captum.

words.py    the words of a prompt, and the tokens of each
score.py    what is explained: the log-odds of one option against the others
methods.py  leave-one-out and gradient x input -> a number for each word
"""
