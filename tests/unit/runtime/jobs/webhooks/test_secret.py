"""The secret that signs webhooks: of the setting, or made once for all processes of a data folder."""

import multiprocessing
import stat
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from paraserve.errors import ParaserveError
from paraserve.runtime.jobs.webhooks.secret import webhook_secret
from paraserve.runtime.jobs.webhooks.webhook_sender import signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def make(folder: Path, begin, made) -> None:
    begin.wait()
    made.put(webhook_secret("", folder))


def test_processes_that_make_it_at_once_get_the_same(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    folder, begin, made = tmp_path / "new" / "data", context.Event(), context.Queue()
    processes = [context.Process(target=make, args=(folder, begin, made)) for _ in range(8)]
    for process in processes:
        process.start()
    begin.set()
    secrets = {made.get(timeout=30) for _ in processes}
    for process in processes:
        process.join()
    assert len(secrets) == 1
    [path] = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert webhook_secret("", folder) in secrets
    assert Webhook(secrets.pop()).verify("{}", signed_headers(webhook_secret("", folder), "id", "{}")) == {}


def test_the_setting_wins_and_makes_no_file(tmp_path: Path):
    assert webhook_secret(SECRET, tmp_path) == SECRET
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "secret",
    ["abc", "whsec_", "whsec_AAAA", "whsec_" + "A" * 200, "whsec_" + "!" * 32, SECRET.removeprefix("whsec_")],
)
def test_a_secret_of_another_form_is_refused(tmp_path: Path, secret: str):
    with pytest.raises(ParaserveError, match=r"webhook_secret is no secret of webhooks: expected whsec_"):
        webhook_secret(secret, tmp_path)
    (tmp_path / "webhook-secret").write_text(secret)
    with pytest.raises(ParaserveError, match="expected whsec_"):
        webhook_secret("", tmp_path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(ParaserveError, match="file/webhook-secret: File exists"):
        webhook_secret("", tmp_path / "file")
