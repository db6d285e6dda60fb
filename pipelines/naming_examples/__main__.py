"""`python -m pipelines.naming_examples`."""

from pipelines.common.run import main
from pipelines.naming_examples.job import NamingExamplesJob

if __name__ == "__main__":
    main(NamingExamplesJob)
