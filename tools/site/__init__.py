"""The documentation as a site: which files of the repository are its pages, and a check of the built pages."""
