"""Read what lm_eval wrote: results files and sample logs."""
