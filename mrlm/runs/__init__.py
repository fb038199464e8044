"""A run's folder, its outcome, and runs that differ in nothing but their seed."""
