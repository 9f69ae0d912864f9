"""Intervals, paired tests, corrections, power and calibration: arrays in, small results out; shares are fractions of 1.

Only scipy.special is used: scipy.stats takes half a second to import.
"""

from mcqa_suite.stats.bootstrap import bootstrap_difference, cluster_bootstrap_difference
from mcqa_suite.stats.calibration import brier, expected_calibration_error
from mcqa_suite.stats.chance import chance_corrected_recovery, recovery
from mcqa_suite.stats.clusters import DesignEffect, design_effect
from mcqa_suite.stats.divergence import Spread, jensen_shannon, kl_divergence, option_probabilities, spread
from mcqa_suite.stats.groups import GroupMean, macro_mean, nested, pooled_mean
from mcqa_suite.stats.intervals import (
    Estimate,
    clustered_share,
    mean_estimate,
    standard_error,
    unpaired_difference,
    wilson,
)
from mcqa_suite.stats.paired import PairedTable, clustered_difference, newcombe_bounds, paired_difference, tango_bounds
from mcqa_suite.stats.power import detectable_difference, minimum_detectable_difference
from mcqa_suite.stats.significance import (
    benjamini_hochberg,
    holm,
    mcnemar_exact,
    mcnemar_midp,
    score_test,
    t_test,
    tost,
    tost_mean,
    unpaired_test,
)

__all__ = [
    "DesignEffect",
    "Estimate",
    "GroupMean",
    "PairedTable",
    "Spread",
    "benjamini_hochberg",
    "bootstrap_difference",
    "brier",
    "chance_corrected_recovery",
    "cluster_bootstrap_difference",
    "clustered_difference",
    "clustered_share",
    "design_effect",
    "detectable_difference",
    "expected_calibration_error",
    "holm",
    "jensen_shannon",
    "kl_divergence",
    "macro_mean",
    "mcnemar_exact",
    "mcnemar_midp",
    "mean_estimate",
    "minimum_detectable_difference",
    "nested",
    "newcombe_bounds",
    "option_probabilities",
    "paired_difference",
    "pooled_mean",
    "recovery",
    "score_test",
    "spread",
    "standard_error",
    "t_test",
    "tango_bounds",
    "tost",
    "tost_mean",
    "unpaired_difference",
    "unpaired_test",
    "wilson",
]
