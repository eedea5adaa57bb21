"""OpenAPI Generator writes a Java client that compiles."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from deploy.local import jars, java
from deploy.local.config import default_cache
from deploy.local.progress import Silent
from tests.clients.building import DOCUMENT, build_once, run, wheel

pytestmark = pytest.mark.verify

HERE: Final = Path(__file__).parent / "java"
GENERATOR: Final = HERE / "generator.txt"
LIBRARIES: Final = HERE / "jars.lock"
"""What the generated client imports, and Eclipse's compiler, because the Java runtime of the wheel has none."""
_COMPILER: Final = "org.eclipse.jdt.internal.compiler.batch.Main"


@pytest.mark.timeout(600)
def test_the_java_client_compiles() -> None:
    client = build_once("java", [GENERATOR, LIBRARIES, Path(__file__)], _generate_and_compile)
    assert list((client / "classes").rglob("*Api.class"))


def _generate_and_compile(directory: Path) -> None:
    command = java.fetch(default_cache(), Silent())
    generator = wheel(GENERATOR, "OpenAPI Generator") / "openapi_generator_cli" / "openapi-generator.jar"
    source = directory / "source"
    generate = [command, "-Xmx512m", "-jar", generator, "generate", "--input-spec", DOCUMENT, "--output", source]
    run([*generate, "--generator-name", "java", "--library", "native"], directory)

    libraries = directory / "libraries"
    libraries.mkdir()
    jars.fetch(jars.read_lock(LIBRARIES), libraries, lambda detail: None)
    class_path = ":".join(str(jar) for jar in sorted(libraries.glob("*.jar")))
    flags = ["-source", "17", "-target", "17", "-proc:none", "-nowarn", "-encoding", "UTF-8", "-cp", class_path]
    target = ["-d", directory / "classes", source / "src" / "main" / "java"]
    run([command, "-cp", class_path, _COMPILER, *flags, *target], directory)
