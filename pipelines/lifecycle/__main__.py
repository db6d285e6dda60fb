"""`python -m pipelines.lifecycle`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("lifecycle")
