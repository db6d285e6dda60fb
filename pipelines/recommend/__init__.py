"""The job `recommend`: recommends items of familiar and of novel clusters to each user."""
