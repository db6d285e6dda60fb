"""`python -m pipelines.tune`."""

from pipelines.common.run import main
from pipelines.tune.job import TuneJob

if __name__ == "__main__":
    main(TuneJob)
