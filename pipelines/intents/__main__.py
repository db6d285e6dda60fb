"""`python -m pipelines.intents`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("intents")
