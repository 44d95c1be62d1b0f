"""Benchmarks and reports: what the exact sampler does, beside what ordinary tools do."""
