"""The job `train_recommender`."""
