"""`python -m pipelines.salience`."""

from pipelines.common.run import main
from pipelines.salience.job import SalienceJob

if __name__ == "__main__":
    main(SalienceJob)
