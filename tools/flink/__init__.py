"""A local Flink cluster: one JobManager, TaskManagers, and Beam's job server."""
