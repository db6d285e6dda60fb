"""Speed and memory, side by side with peers, in one run: `python -m benchmarks.extract`."""

import transforms as transforms  # before PyTorch, so that its threads wait as in the jobs
