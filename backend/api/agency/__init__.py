"""Routes on the common ground: staff, incidents, public files."""
