"""Options for each runner, and a Flink cluster for this machine."""
