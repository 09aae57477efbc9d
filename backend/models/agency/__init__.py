"""The common ground. Both sides may refer to it; it refers to neither."""
