"""`python -m pipelines.transitions`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("transitions")
