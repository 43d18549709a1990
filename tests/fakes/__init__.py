"""In-memory doubles of the ports, with the behaviour of the real adapters: they pass the same contract suite."""
