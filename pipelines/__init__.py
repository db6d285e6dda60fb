"""What runs: one thin module for each job."""
