"""The registry's commands, a file for each thing they act on; `jobs.cli` composes them."""
