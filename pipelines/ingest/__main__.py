"""`python -m pipelines.ingest`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("ingest")
