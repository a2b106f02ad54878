"""The benchmarks: `python -m tests.benchmarks [PART …]` prints tables and fails on a missed threshold."""

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from tests.benchmarks import alone, appends, documents, reads, start
from tests.benchmarks.parts import BenchmarkError, Figures, Options, judged
from tests.benchmarks.servers import checkout_of
from tests.benchmarks.tables import table

PARTS: dict[str, Callable[[Options], Figures]] = {
    "reads": reads.measure,
    "documents": documents.measure,
    "streams": alone.measure_streams,
    "appends": appends.measure,
    "first_words": alone.measure_first_words,
    "start": start.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(given)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(given: argparse.Namespace) -> int:
    """Measures the parts; one that cannot be measured does not keep the others from it."""
    found: dict[str, Figures] = {}
    names = given.parts or list(PARTS)
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(checkout_of(given.before)) if given.before else None
        for name in names:
            print(f"\n{name}\n", flush=True)
            try:
                found[name] = PARTS[name](Options(given.seconds, given.rounds, before))
            except BenchmarkError as error:
                print(f"not measured: {error}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    rows, kept = judged(found)
    print("\nthresholds\n")
    print(table(["", "measured", "", "limit", "goal", ""], rows))
    if len(found) < len(names):
        return 2
    return 0 if kept else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Measures the server beside others."
    )
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=", ".join(PARTS))
    parser.add_argument("--before", metavar="FOLDER|REVISION", help="the version to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement of a read")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    # As after Ctrl-C, every server is ended on the way out.
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
