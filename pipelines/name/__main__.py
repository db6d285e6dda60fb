"""`python -m pipelines.name`."""

from pipelines.common.run import main
from pipelines.name.job import NameJob

if __name__ == "__main__":
    main(NameJob)
