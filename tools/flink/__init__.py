"""A Flink cluster on this machine: one JobManager, TaskManagers, and Beam's job server."""
