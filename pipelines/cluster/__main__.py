"""`python -m pipelines.cluster`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("cluster")
