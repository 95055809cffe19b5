"""The vocabulary: parameters, algebra, state, algorithms and flows, oracles, problems, names."""
