"""The report's sample browser: every document with what each model answered."""
