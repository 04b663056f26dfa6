"""Tables and figures, drawn from an experiment's CSV files alone."""
