"""`python -m pipelines.evaluate`."""

from pipelines.common.run import main
from pipelines.evaluate.job import EvaluateJob

if __name__ == "__main__":
    main(EvaluateJob)
