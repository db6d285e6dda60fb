"""The job `intents`: how likely the next interaction of each user is with something new."""
