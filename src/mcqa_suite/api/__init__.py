"""The functions that `import mcqa_suite` offers."""
