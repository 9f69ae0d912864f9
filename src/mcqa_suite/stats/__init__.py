"""Intervals, paired tests, corrections, power and calibration: arrays in, small results out; shares are fractions of 1.

Only scipy.special is used: scipy.stats takes half a second to import.
"""

from mcqa_suite.stats.intervals import (
    DesignEffect,
    Estimate,
    design_effect,
    mean_estimate,
    share_estimate,
    standard_error,
    unpaired_difference,
    wilson,
)
from mcqa_suite.stats.paired import (
    PairedTable,
    bootstrap_difference,
    clustered_difference,
    paired_difference,
    tango_bounds,
)
from mcqa_suite.stats.probabilities import (
    Spread,
    brier,
    expected_calibration_error,
    jensen_shannon,
    kl_divergence,
    option_probabilities,
    spread,
)
from mcqa_suite.stats.scores import (
    GroupMean,
    chance_corrected_recovery,
    macro_mean,
    mean_of,
    nested,
    pooled_mean,
    recovery,
)
from mcqa_suite.stats.significance import (
    benjamini_hochberg,
    detectable_difference,
    holm,
    mcnemar_exact,
    mcnemar_midp,
    minimum_detectable_difference,
    score_test,
    t_test,
    tost,
    tost_mean,
    unpaired_test,
)
