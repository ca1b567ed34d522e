"""Signatures of bundles: minisign's own program makes and checks the same ones, and nothing else counts."""

import shutil
import subprocess

import pytest

from paraserve.catalog.manifest import MANIFEST, SIGNATURE, record_files, write_manifest
from paraserve.catalog.signed.installing import install
from paraserve.catalog.signed.keys import make_keys, read_public_keys, read_secret_key
from paraserve.catalog.signed.packed_file import open_packed
from paraserve.catalog.signed.packing import pack, sign_packed
from paraserve.catalog.signed.signatures import check_signature, check_signed_folder, signature_of, signing_key_id
from paraserve.errors import BundleSignatureError, PackedBundleError, SigningKeyError
from support.packed_bundles import archive, manifest_of, member, members, tree, write_bundle

PASSWORD = "Ctrl-Alt 密码"
minisign = shutil.which("minisign")
needs_minisign = pytest.mark.skipif(minisign is None, reason="no minisign here")


def run_minisign(*args, stdin=""):
    done = subprocess.run([minisign, *map(str, args)], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def no_password():
    raise AssertionError("this key has no password")


@pytest.fixture
def key(tmp_path):
    """Makes a pair of keys without a password; gives the secret one, and the file of the public one."""

    def key(name="key"):
        public = make_keys(tmp_path / f"{name}.sec", "")
        return read_secret_key(tmp_path / f"{name}.sec", no_password), public

    return key


@pytest.fixture
def signed(tmp_path, key):
    """A signed folder, and the public key."""
    secret, public = key()
    root = write_bundle(tmp_path / "bundle")
    (root / SIGNATURE).write_bytes(signature_of(manifest_of(), secret))
    return root, read_public_keys(str(public))


@needs_minisign
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_minisign_checks_ours(tmp_path, password):
    """Our keys and signatures are minisign's: its program uses both, the encrypted secret key, too."""
    public = make_keys(tmp_path / "sec", password)
    key = read_secret_key(tmp_path / "sec", lambda: password)
    root = write_bundle(tmp_path / "bundle")
    (root / SIGNATURE).write_bytes(signature_of(manifest_of(), key))
    done = run_minisign("-V", "-p", public, "-m", root / MANIFEST)
    assert "Signature and comment signature verified" in done
    run_minisign("-S", "-s", tmp_path / "sec", "-m", root / MANIFEST, stdin=f"{password}\n" if password else "")
    signer = check_signed_folder(root, read_public_keys(str(public)))
    assert public.read_text().splitlines()[0] == f"untrusted comment: minisign public key {signer.key_id}"
    assert f"file:{MANIFEST}" in signer.comment


@needs_minisign
@pytest.mark.parametrize(
    "options", [["-W"], pytest.param([], marks=pytest.mark.full)], ids=["plain", "with a password"]
)
def test_we_check_minisigns(tmp_path, options):
    """What its program makes is good here: keys, with its costly encryption too, and signatures, old ones as well."""
    public, secret = tmp_path / "minisign.pub", tmp_path / "minisign.key"
    password = "" if options else f"{PASSWORD}\n{PASSWORD}\n"
    run_minisign("-G", *options, "-p", public, "-s", secret, stdin=password)
    root = write_bundle(tmp_path / "bundle")
    keys = read_public_keys(str(public))
    key = read_secret_key(secret, lambda: PASSWORD)
    (root / SIGNATURE).write_bytes(signature_of(manifest_of(), key))
    check_signed_folder(root, keys)
    for form in ([], ["-l"]):  # of the hash, and of the file itself
        run_minisign("-S", *form, "-s", secret, "-m", root / MANIFEST, "-t", "by hand", stdin=password)
        assert check_signed_folder(root, keys).comment == "by hand"


def test_a_changed_bundle_is_not_signed(signed):
    """Another manifest, a file that is not in it, or a damaged signature: refused, and the file is named."""
    root, keys = signed
    good = (root / SIGNATURE).read_bytes()
    assert signing_key_id(good) == check_signed_folder(root, keys).key_id
    (root / MANIFEST).write_bytes(manifest_of(name="other"))
    with pytest.raises(BundleSignatureError, match=r"is not of this manifest\.json, or the key is not in"):
        check_signed_folder(root, keys)
    (root / MANIFEST).write_bytes(manifest_of())
    (root / "lm").mkdir()
    (root / "lm" / "G.fst").write_bytes(b"evil")
    with pytest.raises(BundleSignatureError, match=r"lm/G\.fst is not in manifest\.json"):
        check_signed_folder(root, keys)
    shutil.rmtree(root / "lm")
    lines = good.splitlines()
    comment = b"trusted comment: another one"
    for damaged in (b"", b"x\n" * 4, b"\n".join([*lines[:2], comment, lines[3]]), good[:-20], lines[1]):
        (root / SIGNATURE).write_bytes(damaged)
        with pytest.raises(BundleSignatureError):
            check_signed_folder(root, keys)
    (root / SIGNATURE).unlink()
    with pytest.raises(BundleSignatureError, match="is not signed"):
        check_signed_folder(root, keys)
    (root / MANIFEST).unlink()
    with pytest.raises(BundleSignatureError, match="nothing in it is signed"):
        check_signed_folder(root, keys)


def test_a_signature_ends_with_its_manifest(signed):
    """A manifest that is written again takes its signature away: it would be of another one."""
    root, keys = signed
    (root / "asr" / "tokens.json").write_bytes(b'["b"]')
    record_files(root, [root / "asr" / "tokens.json"])
    assert not (root / SIGNATURE).exists()
    with pytest.raises(BundleSignatureError, match="is not signed"):
        check_signed_folder(root, keys)
    (root / SIGNATURE).write_bytes(b"of something else")
    write_manifest(root, "small", {})
    assert not (root / SIGNATURE).exists()


def test_packed_with_its_signature(signed, key, tmp_path):
    """A packed bundle keeps a signature, gets one, and changes it; its name is part of what is signed."""
    root, keys = signed
    file, models = tmp_path / "small.psb", tmp_path / "models"
    assert pack(root, file) is True
    assert tree(install(file, models, keys, print)) == tree(root)
    other, other_public = key("other")
    with pytest.raises(BundleSignatureError, match="not in"):
        install(file, models, read_public_keys(str(other_public)), print)
    before = file.read_bytes()
    sign_packed(file, other)
    with open_packed(file) as packed:
        check_signature("", packed.manifest, packed.signature, read_public_keys(str(other_public)))
        assert sorted(packed.check()) == sorted(packed.contents.files)
    assert len(before) == len(file.read_bytes())
    with pytest.raises(BundleSignatureError, match="not in"):
        install(file, models, keys, print)
    assert pack(root, file, "other") is False
    with pytest.raises(BundleSignatureError, match="is not signed"):
        install(file, models, keys, print)
    assert tree(models / "small") == tree(root)


def test_no_signature_for_what_is_damaged(key, tmp_path):
    """A packed bundle that is not as its manifest says is not signed, and stays as it is."""
    file = tmp_path / "small.psb"
    data = archive([members()[0], member("asr/model.onnx", b"Weights" * 100), *members()[2:]])
    file.write_bytes(data)
    with pytest.raises(PackedBundleError, match="altered or damaged"):
        sign_packed(file, key()[0])
    assert file.read_bytes() == data


def test_several_keys(signed, key, tmp_path):
    """A file of several keys, with comments, trusts each of them; a key may be given itself."""
    root, _ = signed
    _, other = key("other")
    both = tmp_path / "both.pub"
    both.write_text(f"# the old one\n{other.read_text()}\n{(tmp_path / 'key.sec.pub').read_text()}")
    assert len(read_public_keys(str(both)).keys) == 2
    check_signed_folder(root, read_public_keys(str(both)))
    check_signed_folder(root, read_public_keys((tmp_path / "key.sec.pub").read_text().splitlines()[1]))
    with pytest.raises(BundleSignatureError, match=r"other\.sec\.pub"):
        check_signed_folder(root, read_public_keys(str(other)))


@pytest.mark.parametrize("content", [None, "", "# nothing\n", "RWnonsense", "untrusted comment: x\nRWQ=\n", b"\xff"])
def test_no_public_keys(tmp_path, content):
    """A file without a key is an error, so that a wrong path does not switch the check off."""
    path = tmp_path / "keys.pub"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SigningKeyError, match=r"keys\.pub"):
        read_public_keys(str(path))


def test_secret_keys(tmp_path):
    """Only its owner can read one, none is written over, and a wrong password is told."""
    make_keys(tmp_path / "sec", PASSWORD)
    assert (tmp_path / "sec").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SigningKeyError, match="wrong password"):
        read_secret_key(tmp_path / "sec", lambda: "wrong")
    with pytest.raises(SigningKeyError, match="File exists"):
        make_keys(tmp_path / "sec", "")
    with pytest.raises(SigningKeyError, match="No such file"):
        read_secret_key(tmp_path / "none", no_password)
    with pytest.raises(SigningKeyError, match="cannot use"):
        read_secret_key(tmp_path / "sec.pub", no_password)
