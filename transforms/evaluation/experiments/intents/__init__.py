"""The experiment on intents of users: exploration intent, latent intent, re-ranking by intent."""
