"""`python -m pipelines.salience`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("salience")
