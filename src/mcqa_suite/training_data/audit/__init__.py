"""Training rows before they are trained on: what is wrong with them, and which evaluation items they give away."""

from mcqa_suite.training_data.audit.checks import Checks
from mcqa_suite.training_data.audit.engine import Audit, audit
from mcqa_suite.training_data.audit.overlap import Overlap

__all__ = ["Audit", "Checks", "Overlap", "audit"]
