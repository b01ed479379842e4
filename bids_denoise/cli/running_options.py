"""The options of how a run goes: the machine, the flow, the terminal."""

from __future__ import annotations

from bids_denoise.cli.option import INFO, MACHINE, RUN, Option

MACHINE_OPTIONS = (
    Option(
        "nprocs",
        "Processors to use.",
        MACHINE,
        kind="integer",
        aliases=("--nthreads", "--n-cpus", "--n-procs"),
        metavar="N",
        minimum=1,
        default="those this process may use",
    ),
    Option(
        "omp_nthreads",
        "Threads for each image, at least; at most nprocs / omp-nthreads images are done at once.",
        MACHINE,
        kind="integer",
        metavar="N",
        minimum=1,
        default="1",
    ),
    Option(
        "mem",
        "Memory to stay below, with its unit: 8G, 800M.",
        MACHINE,
        kind="memory",
        metavar="SIZE",
        default="the limit of this process, or that of the machine",
    ),
    Option(
        "mem_mb",
        "The same in MB, without a unit.",
        MACHINE,
        kind="number",
        metavar="MB",
        minimum=1,
        target="mem",
    ),
    Option(
        "mem_gb",
        "The same in GB, without a unit.",
        MACHINE,
        kind="number",
        metavar="GB",
        minimum=0.001,
        target="mem",
    ),
    Option("low_mem", "Treat one image at a time: less memory, more time.", MACHINE, kind="flag"),
    Option(
        "work_dir",
        "Folder for temporary files and caches.",
        MACHINE,
        kind="path",
        short="-w",
        metavar="FOLDER",
        default="a private folder, removed at the end",
    ),
    Option("keep_work", "Do not remove the private work folder.", MACHINE, kind="flag"),
)

RUN_OPTIONS = (
    Option("dry_run", "Print what would be read and written, and stop.", RUN, kind="flag"),
    Option(
        "overwrite",
        "Denoise again what is already there and current.",
        RUN,
        kind="flag",
        aliases=("--force-output",),
    ),
    Option("reports_only", "Only write the reports, from earlier results.", RUN, kind="flag"),
    Option("boilerplate_only", "Only print the methods text.", RUN, kind="flag"),
    Option(
        "stop_on_first_crash",
        "Stop at the first image that fails, instead of going on.",
        RUN,
        kind="flag",
        aliases=("--fail-fast",),
    ),
    Option("debug", "Show the traceback of an unexpected error.", RUN, kind="flag"),
    Option(
        "verbose",
        "Say more: -v what is done, -vv details, -vvv also what other packages log.",
        RUN,
        kind="count",
        short="-v",
    ),
    Option("quiet", "Only say what went wrong.", RUN, kind="flag", short="-q"),
    Option(
        "log_format",
        "text, or json: one JSON object a line.",
        RUN,
        metavar="FORMAT",
        choices=("text", "json"),
        default="text",
    ),
    # Nothing is ever sent anywhere. The flag lets command lines of sister apps carry over.
    Option("notrack", "No effect.", RUN, kind="flag", hidden=True, only_terminal=True),
)

INFORMATION_OPTIONS = (
    Option(
        "help",
        "Print this text.",
        INFO,
        kind="flag",
        short="-h",
        identifier="Help",
        only_terminal=True,
    ),
    Option(
        "version",
        "Print the version.",
        INFO,
        kind="flag",
        identifier="ToolVersion",
        only_terminal=True,
    ),
    Option(
        "bids_exec_spec",
        "Print the Boutiques descriptor of this app.",
        INFO,
        kind="flag",
        only_terminal=True,
    ),
)
