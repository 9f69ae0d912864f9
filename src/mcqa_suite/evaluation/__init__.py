"""Run tasks with a model or a server and write the harness's logs."""
