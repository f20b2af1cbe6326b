"""The report: page, sections and plots."""
