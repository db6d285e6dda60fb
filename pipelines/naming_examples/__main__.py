"""`python -m pipelines.naming_examples`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("naming_examples")
