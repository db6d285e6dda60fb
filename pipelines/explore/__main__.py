"""`python -m pipelines.explore`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("explore")
