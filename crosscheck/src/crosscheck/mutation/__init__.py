"""Mutation testing: mutants of the stages' sources, planted by machine; `crosscheck run` must turn red for each."""
