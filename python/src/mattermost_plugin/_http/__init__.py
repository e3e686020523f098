"""HTTP and files: what handlers are called with, in both colours."""
