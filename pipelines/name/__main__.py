"""`python -m pipelines.name`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("name")
