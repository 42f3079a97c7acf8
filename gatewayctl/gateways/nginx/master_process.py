"""What nginx's processes call themselves, and how the first of them was started."""

FIRST = "nginx: master process"
WORKER = "nginx: worker process"
LEAVING = "nginx: worker process is shutting down"

_KEPT = "cpge"  # options that say which files there are, and what else is set: of one value each


def trial(title: str) -> tuple[str, ...]:
    """The command that tries the files which the process of that title would load: its own program and options.

    A title has blanks between words that had none: the value of -g, directives, goes on until one ends and an option
    begins. Paths with blanks cannot be told apart.
    """
    program, *words = title.removeprefix(FIRST).split() or ["nginx"]
    kept: list[str] = []
    while words:
        option = words.pop(0)
        if not (option.startswith("-") and option[1:2] and option[1:2] in _KEPT):
            continue
        value = [option[2:] or (words.pop(0) if words else "")]
        while option[1] == "g" and words and not (value[-1].endswith(";") and words[0].startswith("-")):
            value.append(words.pop(0))
        kept += [option[:2], " ".join(value)]
    return (program, "-t", "-q", *kept)
