"""`python -m pipelines.interest`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("interest")
