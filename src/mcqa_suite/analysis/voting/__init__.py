"""Several samples of one question: majority, best of n, pass@n, and the right samples that each strategy missed."""

from mcqa_suite.analysis.voting.ballots import Ballots, from_answers, majority_read, read_ballots, read_scores
from mcqa_suite.analysis.voting.outcomes import Outcome, Pick, missed, outcomes, picks
from mcqa_suite.analysis.voting.strategies import Choice, best_of, majority, pass_at
