"""`python -m backend.cli`: the same as `relief`, where it is not installed."""

from backend.cli import main

main()
