"""What comes from a network: checked, complete or not there at all; and copies on a node's own disk."""
