"""`python -m pipelines.tune`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("tune")
