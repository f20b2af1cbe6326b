"""Numbers of finished runs: statistics, choices and the points of figures."""
