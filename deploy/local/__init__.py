"""The launcher: the whole of Frikort on one machine, for people (`make run`), tests and benchmarks."""
