"""Who says something, for the record of a version. Imported when first asked for."""

import os


def user_at_host():
    """As "nn@host"; where the user has no name, as in some containers, by number."""
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = f"{os.getuid()}"
    return f"{name}@{os.uname().nodename}"
