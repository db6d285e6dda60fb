"""`python -m pipelines.interest`."""

from pipelines.common.run import main
from pipelines.interest.job import InterestJob

if __name__ == "__main__":
    main(InterestJob)
