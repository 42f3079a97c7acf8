"""The titles of nginx's processes, and how the title of the master tells the way it was started."""

MASTER_TITLE = "nginx: master process"
WORKER_TITLE = "nginx: worker process"
DRAINING_TITLE = "nginx: worker process is shutting down"

_FILE_OPTIONS = "cpge"  # options that say which files are read, and what else is set; each has one value


def config_test(title: str) -> tuple[str, ...]:
    """The command that tests the files of the master with this title: its own program, with its own options.

    A title joins the words of the command line by blanks. So the value of -g, which is directives, is taken to go on
    until a directive ends and an option begins. Paths with blanks cannot be told apart.
    """
    program, *words = title.removeprefix(MASTER_TITLE).split() or ["nginx"]
    options: list[str] = []
    while words:
        option = words.pop(0)
        if not (option.startswith("-") and option[1:2] and option[1:2] in _FILE_OPTIONS):
            continue
        value = [option[2:] or (words.pop(0) if words else "")]
        while option[1] == "g" and words and not (value[-1].endswith(";") and words[0].startswith("-")):
            value.append(words.pop(0))
        options += [option[:2], " ".join(value)]
    return (program, "-t", "-q", *options)
