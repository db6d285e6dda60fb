"""`python -m pipelines.evaluate`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("evaluate")
