"""Pages on which answers are read: one for each cell, and one that compares any two cells of an experiment."""
