"""`python -m pipelines.extract`."""

from pipelines.common.run import main
from pipelines.extract.job import ExtractJob

if __name__ == "__main__":
    main(ExtractJob)
