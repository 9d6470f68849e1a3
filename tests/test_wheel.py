"""The wheel: what is built and installed elsewhere finds everything that it reads."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built as a release is."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    built = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel in it."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(folder), str(wheel)], check=True)
    return folder


def run_installed(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program from another folder, with the dependencies of this one."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_every_file_of_the_bot(wheel: Path) -> None:
    """Whatever lies in `bot/` and `grammar/` is in the wheel, and nothing of the tests."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(ROOT)) if folder == "bot" else f"bot/{path.relative_to(ROOT)}"
        for folder in ("bot", "grammar")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == wanted


def test_the_installed_program_reads_a_command(installed: Path, tmp_path: Path) -> None:
    """The grammar is found from an installed wheel, from any folder."""
    ran = run_installed(installed, tmp_path, "-m", "bot", "parse", "@smoney pay @alice 10€")
    assert ran.returncode == 0, ran.stderr
    command = json.loads(ran.stdout)
    assert (command["kind"], command["amount_cents"]) == ("pay", 1000)


def test_the_installed_program_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    """The test looks at the wheel's code, not at the checkout's."""
    ran = run_installed(installed, tmp_path, "-c", "import bot; print(bot.__file__)")
    assert ran.stdout.startswith(str(installed)), ran.stderr


def test_the_installed_program_migrates_a_database(installed: Path, tmp_path: Path) -> None:
    """The revisions are found from an installed wheel."""
    code = "from bot import migrations as m; u='sqlite:///w.db'; m.upgrade(u); print(m.current(u))"
    ran = run_installed(installed, tmp_path, "-c", code)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == max(
        path.name.split("_")[0] for path in (ROOT / "bot/migrations/versions").glob("0*.py")
    )
