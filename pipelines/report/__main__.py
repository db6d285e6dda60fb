"""`python -m pipelines.report`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("report")
