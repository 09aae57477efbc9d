"""Routes that must not know who calls, and staff's routes to what was asked anonymously."""
