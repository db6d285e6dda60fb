"""Tables and pages for people: one value for a table, rendered to a terminal, to Markdown and to HTML."""
