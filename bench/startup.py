"""How long `bot --help` takes, against importing typer and nothing else."""

from __future__ import annotations

from bench.harness import against, bot, finish, interleave_processes, line, python, title


def main() -> None:
    """Compare and print."""
    title("bot --help, whole process")
    runs = interleave_processes(
        {"help": bot("--help"), "typer": python("-c", "import typer"), "nothing": python("-c", "pass")}, rounds=15
    )
    for name, what in (("help", "bot --help"), ("typer", 'python -c "import typer"'), ("nothing", "python -c pass")):
        line(what, f"{runs[name].wall * 1000:.0f} ms {runs[name].peak_mib:.0f} MiB")
    finish([against("wall time over importing typer", runs["help"].wall / runs["typer"].wall, "x", at_most=1.5)])


if __name__ == "__main__":
    main()
