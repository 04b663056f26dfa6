"""Downloads, which are checked and either complete or absent; and copies on a node's own disk."""
