"""The command line, one file a command: it parses words, calls the package and prints."""
