"""The report: page, sections and figures."""
