"""`python -m pipelines.extract`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("extract")
