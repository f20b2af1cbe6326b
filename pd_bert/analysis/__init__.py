"""What finished runs show: statistics, choices, figures, the report."""
