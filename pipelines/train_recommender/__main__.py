"""`python -m pipelines.train_recommender`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("train_recommender")
