"""Reading and writing: text, TREC files, passages."""
