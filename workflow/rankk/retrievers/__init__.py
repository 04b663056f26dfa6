"""First stages: Lucene's BM25 and impact search through Anserini, sparse encoders, runs made elsewhere."""
