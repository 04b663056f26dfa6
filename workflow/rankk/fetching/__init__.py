"""Downloads, which are checked and appear only when complete, and copies of folders on a node's local disk."""
