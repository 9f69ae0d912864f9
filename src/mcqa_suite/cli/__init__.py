"""The subcommands of `mcqa`: each file adds some to the parser, and says what each one calls."""
