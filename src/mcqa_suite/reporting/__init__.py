"""Tables for people: Markdown and CSV."""
