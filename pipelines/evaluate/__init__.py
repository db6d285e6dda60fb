"""The job `evaluate`: experiments on extracted journeys and on collections that people made."""
