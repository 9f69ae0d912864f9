"""Intervals, paired tests, corrections, power and calibration: arrays in, small results out; shares are fractions of 1.

Only scipy.special is used: scipy.stats takes half a second to import.
"""

from mcqa_suite.stats.intervals import (
    DesignEffect,
    Estimate,
    critical_value,
    unpaired_difference,
    wilson,
    wilson_bounds,
)
from mcqa_suite.stats.paired import PairedTable, bootstrap_difference, paired_difference, tango_bounds
from mcqa_suite.stats.probabilities import (
    Spread,
    brier,
    expected_calibration_error,
    jensen_shannon,
    kl_divergence,
    option_probabilities,
    spread,
)
from mcqa_suite.stats.rows import Mean, PairedMeans, Rows, effective_size, share_estimate, weighted_mean, weighted_share
from mcqa_suite.stats.scores import chance_corrected_recovery, nested, recovery, sharing
from mcqa_suite.stats.significance import (
    Power,
    benjamini_hochberg,
    fewest_discordant,
    holm,
    mcnemar_exact,
    mcnemar_midp,
    mean_below,
    t_test,
    tost_mean,
    unpaired_test,
)
