"""Several runs side by side: accuracy, difference to the base and to the parent, rank."""

from mcqa_suite.analysis.leaderboard.board import leaderboard, rung_leaderboard
from mcqa_suite.analysis.leaderboard.columns import TaskColumn
from mcqa_suite.analysis.leaderboard.result import BoardRow, Entry, Leaderboard
