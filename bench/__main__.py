"""All benchmarks, one after the other: `make bench`. Each prints its table, with what it is compared with beside it."""

import sys

from bench import public, pushes, storm, tap_to_buzz

BENCHMARKS = {
    "From the tap to the buzz": tap_to_buzz.main,
    "Pushes to staff": pushes.main,
    "News and bulletin": public.main,
    "A sign-in storm": storm.main,
}


def main() -> None:
    """Run them all; what can't run here says why, and the others go on."""
    failed = []
    for title, benchmark in BENCHMARKS.items():
        print(f"\n{title}\n{'─' * len(title)}", flush=True)
        try:
            benchmark()
        except SystemExit as left:
            print(left.code)
            failed.append(title)
    if failed:
        sys.exit(f"Not measured: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
