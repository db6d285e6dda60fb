"""The job `lifecycle`: the stage, the recurrence, the confidence and the months of each journey."""
