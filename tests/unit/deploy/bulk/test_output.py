"""The output folder of a bulk run, and what a kill leaves of it."""

import json
from pathlib import Path

import pytest

from paraserve.deploy.bulk.output import OutputFolder, open_output
from paraserve.deploy.bulk.recordings import Recording
from paraserve.deploy.bulk.rows import failed, transcribed
from paraserve.errors import ParaserveError
from paraserve.types import Transcript


def line(id_: str, *, is_failed: bool = False) -> str:
    recording = Recording(id_, f"/{id_}.wav")
    if is_failed:
        return failed(recording, "empty_file", "the file is empty", 0.1).line
    transcript = Transcript(text=f"text of {id_}", sentences=(), duration_ms=1000, language="en")
    return transcribed(recording, transcript, 0.5).line


def ids_of(folder: Path) -> list[str]:
    """The ids that a reader of the parts sees."""
    return [
        json.loads(row)["id"]
        for part in sorted(folder.glob("part-*"))
        for row in part.read_text("utf-8").splitlines()
    ]


def killed(folder: Path, *ids: str) -> None:
    """Write rows, and end as a kill does."""
    output = OutputFolder(folder, "jsonl")
    output.add([line(one) for one in ids])
    output.leave()


def test_rows_have_all_columns(tmp_path):
    with open_output(tmp_path / "new" / "out", "jsonl", {}) as output:
        output.add([line("a"), line("b", is_failed=True)])
    a, b = map(json.loads, (tmp_path / "new/out/part-000000.jsonl").read_text("utf-8").splitlines())
    assert {name: a[name] for name in ("id", "path", "text", "language", "duration_ms", "error", "took_s")} == {
        "id": "a",
        "path": "/a.wav",
        "text": "text of a",
        "language": "en",
        "duration_ms": 1000,
        "error": None,
        "took_s": 0.5,
    }
    assert a["transcript"]["text"] == "text of a"
    assert (b["text"], b["transcript"], b["error"], b["error_message"]) == (
        None,
        None,
        "empty_file",
        "the file is empty",
    )
    assert a.keys() == b.keys()


def test_parts_have_so_many_rows_and_the_rest_is_the_last_one(tmp_path):
    output = OutputFolder(tmp_path, "jsonl", part_rows=3)
    for ids in ("ab", "cd", "e"):
        output.add([line(one) for one in ids])
    output.close()
    assert [len(part.read_text("utf-8").splitlines()) for part in sorted(tmp_path.glob("part-*"))] == [4, 1]
    assert not list(tmp_path.glob(".rows-*"))


def test_after_a_kill_whole_rows_are_there_and_half_a_row_is_not(tmp_path):
    killed(tmp_path, "a", "b")
    (rows,) = tmp_path.glob(".rows-*")
    with rows.open("ab") as file:
        file.write(line("c").encode()[:40])
    assert ids_of(tmp_path) == []
    output = OutputFolder(tmp_path, "jsonl")
    assert output.ids == {"a", "b"}
    output.add([line("c")])
    output.close()
    assert ids_of(tmp_path) == ["a", "b", "c"]


def test_a_kill_between_a_part_and_the_end_of_its_rows_gives_no_row_twice(tmp_path):
    killed(tmp_path, "a", "b")
    (rows,) = tmp_path.glob(".rows-*")
    (tmp_path / "part-000000.jsonl").write_bytes(rows.read_bytes())
    output = OutputFolder(tmp_path, "jsonl")
    assert output.ids == {"a", "b"}
    output.close()
    assert ids_of(tmp_path) == ["a", "b"]


def test_what_was_being_written_is_no_part(tmp_path):
    (tmp_path / ".part-000000.jsonl.writing").write_text("half")
    with open_output(tmp_path, "jsonl", {}) as output:
        assert output.ids == set()
    assert not list(tmp_path.glob(".*.writing"))


@pytest.mark.parametrize(("kind", "seen"), [(KeyboardInterrupt, ["a"]), (ParaserveError, [])])
def test_ctrl_c_makes_rows_a_part_and_an_error_leaves_them_to_the_next_run(tmp_path, kind, seen):
    def ended() -> None:
        with open_output(tmp_path, "jsonl", {}) as output:
            output.add([line("a")])
            raise kind("end")

    with pytest.raises(kind):
        ended()
    assert ids_of(tmp_path) == seen
    with open_output(tmp_path, "jsonl", {}) as output:
        assert output.ids == {"a"}
    assert ids_of(tmp_path) == ["a"]


def test_failed_rows_are_taken_out_to_be_tried_again(tmp_path):
    with open_output(tmp_path, "jsonl", {}) as output:
        output.add([line("a"), line("b", is_failed=True)])
    killed(tmp_path, "c")
    with open_output(tmp_path, "jsonl", {}, drops_failed=True) as output:
        assert output.ids == {"a", "c"}
        output.add([line("b")])
    assert ids_of(tmp_path) == ["a", "c", "b"]


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with (
        open_output(tmp_path, "jsonl", {}),
        pytest.raises(ParaserveError, match="another run writes to"),
        open_output(tmp_path, "jsonl", {}),
    ):
        pass


def test_rows_of_other_flags_are_not_mixed_in(tmp_path):
    with open_output(tmp_path, "jsonl", {"language": "en"}):
        pass
    with (
        pytest.raises(ParaserveError, match=r"rows of other flags \(language was 'en' and is 'zh'\)"),
        open_output(tmp_path, "jsonl", {"language": "zh"}),
    ):
        pass
    with (
        pytest.raises(ParaserveError, match="format was 'jsonl'"),
        open_output(tmp_path, "parquet", {"language": "en"}),
    ):
        pass


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ParaserveError, match="file cannot be used"), open_output(tmp_path / "file", "jsonl", {}):
        pass
