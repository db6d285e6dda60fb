"""`python -m pipelines.recommend`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("recommend")
