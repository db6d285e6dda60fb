"""`python -m pipelines.run_all`."""

from pipelines.launch import main

if __name__ == "__main__":
    main("run_all")
