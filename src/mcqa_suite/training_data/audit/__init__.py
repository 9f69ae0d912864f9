"""Check training rows before training: their defects, and the evaluation items that they contain."""

from mcqa_suite.training_data.audit.engine import Audit, audit

__all__ = ["Audit", "audit"]
