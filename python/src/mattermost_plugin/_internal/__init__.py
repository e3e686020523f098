"""Import paths of the earlier SDK."""
