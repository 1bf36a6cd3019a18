"""The hash of what decides: the same for the same files, another for any file that decides, blind to the others."""

from __future__ import annotations

from pathlib import Path

from bot.config.codehash import DECIDING, DIGITS, deciding_code, hash_of


def a_program(folder: Path) -> Path:
    for name in (*DECIDING, "venues"):
        (folder / name).mkdir(parents=True)
        (folder / name / "one.py").write_text(f"# {name}\n")
    return folder


def test_any_deciding_file_changes_the_hash_and_no_other_does(tmp_path: Path) -> None:
    program = a_program(tmp_path)
    before = hash_of(program)
    assert len(before) == DIGITS
    (program / "venues" / "one.py").write_text("# another venue\n")
    (program / "gates" / "notes.txt").write_text("no code")
    assert hash_of(program) == before
    found = {before}
    for name in DECIDING:
        (program / name / "one.py").write_text("# edited\n")
        found.add(hash_of(program))
    (program / "gates" / "one.py").rename(program / "gates" / "two.py")
    found.add(hash_of(program))
    assert len(found) == len(DECIDING) + 2


def test_this_program_knows_its_own() -> None:
    assert deciding_code() == hash_of(Path(__file__).parents[2])
