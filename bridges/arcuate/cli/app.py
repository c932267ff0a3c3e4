"""The commands and their options. What a command does is imported when it runs: ``--help`` is quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from arcuate.cli.convert import convert
from arcuate.cli.copying import copy
from arcuate.cli.failure import VERBOSE, Commands
from arcuate.cli.flows import stream
from arcuate.cli.help import WithSettings
from arcuate.cli.matrix import matrix
from arcuate.cli.mfiles import mcheck, wrap
from arcuate.cli.sessions import Opening, names, opened, vectors

__all__ = ["app"]

app = typer.Typer(
    cls=Commands,
    help="Call R, Octave and other languages on labelled arrays: native values, separate processes.",
    epilog="Examples: [bold]arcuate doctor[/] · "
    "[bold]arcuate call r stats::quantile x.nc --arg probs=[.1,.9][/] · [bold]arcuate repl octave[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"arcuate {version('arcuate')}")
        raise typer.Exit


def _output(path: str | None) -> str | None:
    """Refuses a file that could not be written before anything is computed."""
    if path is not None:
        from arcuate.cli.files import writer_of
        from arcuate.errors import InvalidArgument

        try:
            writer_of(path)
        except InvalidArgument as error:
            raise typer.BadParameter(error.message) from None
        if not Path(path).expanduser().absolute().parent.is_dir():
            raise typer.BadParameter(f"there is no folder for {path!r}")
    return path


def _verbose(ctx: typer.Context, wanted: bool) -> bool:
    ctx.meta[VERBOSE] = wanted or bool(ctx.meta.get(VERBOSE))
    return wanted


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
]
Env = Annotated[
    str, typer.Argument(metavar="ENV", help="The environment: r, octave, python, ...", autocompletion=names)
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-O",
        metavar="KEY=VALUE",
        help="An option of connect(), such as home=... or path=...; repeatable.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", "-t", metavar="SECONDS", min=0.001, help="Interrupt a call after this time."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="A declared change of a value on its way is an error.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, without loss.")]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_output,
        help="Write the result to a .nc, .npy, .csv, .json, .parquet or .mat file.",
    ),
]
Nargout = Annotated[
    int, typer.Option("--nargout", min=0, help="How many outputs are asked for (Octave, MATLAB).")
]
Figures = Annotated[
    str | None, typer.Option("--figures", metavar="DIR", help="Save what is drawn to this folder.")
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", callback=_verbose, help="With an error, also the foreign call stack."),
]


@app.callback()
def root(version: Version = False) -> None:
    """Options of the command itself."""
    del version


@app.command(context_settings={"ignore_unknown_options": True})
def call(
    env: Env,
    function: Annotated[str, typer.Argument(help="Its name there, such as mean or stats::quantile.")],
    args: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ARG]...", help="JSON, a file, @file, @file#part, @- (JSON on stdin), or a text."
        ),
    ] = None,
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", "-a", metavar="NAME=VALUE", help="A named argument; repeatable."),
    ] = None,
    nargout: Nargout = 1,
    timeout: Timeout = None,
    strict: Strict = False,
    json: Json = False,
    output: Output = None,
    option: Options = None,
    figures: Figures = None,
    verbose: Verbose = False,
) -> None:
    """Call a function: [bold]arcuate call r stats::quantile x.nc --arg probs=[.1,.9][/]

    Rows of equal length are a matrix, NA is a missing value and .1, 1., NaN, -Inf are numbers:
    [bold]arcuate call octave det [[1,2],[3,4]][/]
    """
    from arcuate.cli.arguments import keywords, value_of
    from arcuate.cli.show import deliver

    del verbose
    with opened(Opening(env, option or (), timeout, strict, json, figures)) as session:
        how = vectors(session)
        given = [value_of(text, **how) for text in args or ()]
        named = keywords(arg or (), "--arg", **how)
        result = session.call(function, *given, nargout=nargout, named=named)
        deliver(result, as_json=json, output=output, strict=strict)


@app.command("eval")
def eval_(
    env: Env,
    code: Annotated[str, typer.Argument(help="An expression, or - for stdin.")],
    nargout: Nargout = 1,
    timeout: Timeout = None,
    strict: Strict = False,
    json: Json = False,
    output: Output = None,
    option: Options = None,
    figures: Figures = None,
    verbose: Verbose = False,
) -> None:
    """Print the value of an expression: [bold]arcuate eval r 'R.version.string'[/]"""
    from arcuate.cli.show import deliver

    del verbose
    source = sys.stdin.read().strip() if code == "-" else code
    with opened(Opening(env, option or (), timeout, strict, json, figures)) as session:
        deliver(session.eval(source, nargout=nargout), as_json=json, output=output, strict=strict)


@app.command()
def run(
    env: Env,
    script: Annotated[str, typer.Argument(help="A file with statements, or - for stdin.")],
    timeout: Timeout = None,
    option: Options = None,
    figures: Figures = None,
    verbose: Verbose = False,
) -> None:
    """Run a script; what it prints streams live: [bold]arcuate run r script.R[/]"""
    del verbose
    if script != "-" and not Path(script).is_file():
        raise typer.BadParameter(
            f"there is no file {script!r}; for code on the command line use: arcuate eval",
            param_hint="SCRIPT",
        )
    source = sys.stdin.read() if script == "-" else Path(script).read_text(encoding="utf-8")
    with opened(Opening(env, option or (), timeout, figures=figures)) as session:
        session.run(source)


@app.command()
def repl(env: Env, timeout: Timeout = None, option: Options = None, verbose: Verbose = False) -> None:
    """Type code and see its results; Ctrl-C interrupts a call and keeps the session, Ctrl-D leaves."""
    from arcuate.cli.repl import Repl

    with opened(Opening(env, option or (), timeout)) as session:
        status = Repl(session, verbose=verbose).interact()
    raise typer.Exit(status)


@app.command()
def doctor(
    env: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ENV]...", help="Only these; one that is missing is then an error.", autocompletion=names
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    build: Annotated[
        bool, typer.Option("--build", help="Build optional compiled parts first (Octave's helper).")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Show which environments work here, and what to type for those that do not."""
    from arcuate.cli.doctor import examine

    del verbose
    raise typer.Exit(examine(env or [], as_json=json, build=build))


@app.command()
def health(
    name: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME|URL]...",
            help="Only these: connectors, environments, addresses.",
            autocompletion=names,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Tables \\[connector.NAME]; by default arcuate.toml."),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", "-t", metavar="SECONDS", min=0.1, help="What is silent for so long is down."
        ),
    ] = 30.0,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Ask every configured connector and every environment, all at once, how it is.

    The exit status is 1 when one is down: [bold]arcuate health weather postgresql://me@db/lab r[/]
    """
    from arcuate.cli.health import examine

    del verbose
    raise typer.Exit(examine(name or [], config=config, timeout=timeout, as_json=json))


@app.command()
def environments(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List the installed environments and the options of connect() for each."""
    from arcuate.cli.listing import list_environments

    list_environments(as_json=json)


app.command()(convert)
app.command()(copy)
app.command()(stream)
app.command()(matrix)
app.command()(mcheck)
app.command()(wrap)

HubAddress = Annotated[
    str | None,
    typer.Option("--hub", metavar="URL", envvar="ARCUATE_HUB", help="Such as zmq://host:5555."),
]
HubOptions = Annotated[
    list[str] | None,
    typer.Option("--option", "-O", metavar="KEY=VALUE", help="token=..., curve=..., tls=...; repeatable."),
]
Topic = Annotated[str, typer.Argument(help="Name of the topic.")]


@app.command(context_settings={"ignore_unknown_options": True})
def publish(
    topic: Topic,
    values: Annotated[
        list[str],
        typer.Argument(metavar="VALUE...", help="JSON, a file, @file, @- (JSON on stdin), or a text."),
    ],
    hub: HubAddress = None,
    timeout: Timeout = None,
    option: HubOptions = None,
    verbose: Verbose = False,
) -> None:
    """Publish values in a topic of a hub: [bold]arcuate publish eeg block.nc --hub zmq://host:5555[/]

    Prints the number that each got, when the hub has it.
    """
    from arcuate.cli.streams import publish_values

    del verbose
    publish_values(topic, values, hub, option or (), timeout)


@app.command()
def subscribe(
    topic: Topic,
    hub: HubAddress = None,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="Stop after so many.")] = None,
    start: Annotated[
        int | None, typer.Option("--from", min=0, help="Number of the first; 0: the oldest that is kept.")
    ] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="drop, block or disconnect, when too many wait for us.")
    ] = "drop",
    buffer: Annotated[
        int, typer.Option("--buffer", min=1, help="How many may wait for us in the hub.")
    ] = 100,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", "-t", metavar="SECONDS", min=0.001, help="Wait so long for one."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="A line of JSON each, without loss.")] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", callback=_output, help="Write each there; %d is its number."
        ),
    ] = None,
    option: HubOptions = None,
    verbose: Verbose = False,
) -> None:
    """Print what is published in a topic of a hub, as it comes; Ctrl-C ends it.

    [bold]arcuate subscribe eeg --hub zmq://host:5555 -o block-%d.nc[/]
    """
    from arcuate.cli.streams import read_topic

    del verbose
    read_topic(
        topic,
        hub,
        option or (),
        count=count,
        start=start,
        policy=policy,
        buffer=buffer,
        timeout=timeout,
        as_json=json,
        output=output,
    )


@app.command(cls=WithSettings)
def serve(
    grpc: Annotated[
        list[str] | None, typer.Option("--grpc", metavar="ADDR", help="Listen here with gRPC; repeatable.")
    ] = None,
    zmq: Annotated[
        list[str] | None,
        typer.Option("--zmq", metavar="ADDR", help="Listen here with ZeroMQ; also ipc:///path; repeatable."),
    ] = None,
    http: Annotated[
        list[str] | None, typer.Option("--http", metavar="ADDR", help="Listen here with HTTP; repeatable.")
    ] = None,
    mps: Annotated[
        list[str] | None,
        typer.Option(
            "--mps", metavar="ADDR", help="Serve archives here as Production Server does; repeatable."
        ),
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option("--tokens", metavar="FILE", help="Tokens; see: arcuate token create.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", metavar="FILE", help="PEM chain for gRPC and HTTP.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="PEM with its private key.")
    ] = None,
    tls_client_ca: Annotated[
        Path | None,
        typer.Option("--tls-client-ca", metavar="FILE", help="PEM; clients must show a certificate of it."),
    ] = None,
    curve_key: Annotated[
        Path | None,
        typer.Option("--curve-key", metavar="FILE", help="CURVE keys for ZeroMQ; made if absent."),
    ] = None,
    curve_authorised: Annotated[
        Path | None,
        typer.Option("--curve-authorised-keys", metavar="FILE", help="Public keys of ZeroMQ clients."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings; see: arcuate config.")
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", metavar="FILE", help="Written as JSON when calls are answered."),
    ] = None,
    audit: Annotated[
        Path | None, typer.Option("--audit", metavar="FILE", help="Append who did what, when; never values.")
    ] = None,
    metrics: Annotated[bool, typer.Option("--metrics", help="Count calls for Prometheus.")] = False,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning, error or off.")
    ] = None,
    log_format: Annotated[
        str | None, typer.Option("--log-format", metavar="FORMAT", help="text or json.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other machines without authentication or encryption.")
    ] = False,
    allow_unconfined: Annotated[
        bool,
        typer.Option("--allow-unconfined", help="Allow tokens without eval where nothing can be confined."),
    ] = False,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any setting below, as limits.sessions=10; repeatable."
        ),
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Run a hub: every environment of this machine for others, over gRPC, ZeroMQ and HTTP.

    ADDR is host:port or a port; port 0 lets the system choose. Without any address the hub listens with all
    three on this machine only: 50051, 5555, 8080. SIGTERM or Ctrl-C lets running calls finish first.
    """
    from arcuate.cli.serve import arguments, serve

    del verbose
    given = {
        "grpc": grpc,
        "zmq": zmq,
        "http": http,
        "mps": mps,
        "tokens": tokens,
        "tls.certificate": tls_certificate,
        "tls.key": tls_key,
        "tls.client_ca": tls_client_ca,
        "curve.key": curve_key,
        "curve.authorised_keys": curve_authorised,
        "audit": audit,
        "telemetry.metrics": metrics,
        "log.level": log_level,
        "log.format": log_format,
        "insecure": insecure,
        "allow_unconfined": allow_unconfined,
    }
    raise typer.Exit(serve(arguments(given, more or []), config, ready_file))


token = typer.Typer(help="Make, list and revoke the tokens of a hub.", no_args_is_help=True)
app.add_typer(token, name="token")
TokensFile = Annotated[Path, typer.Option("--file", metavar="FILE", help="The tokens file of the hub.")]


@token.command()
def create(
    file: TokensFile = Path("tokens.toml"),
    name: Annotated[str | None, typer.Option("--name", help="Whose it is, for logs and revoke.")] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option("--environment", metavar="PATTERN", help="Environments; repeatable. Default: all."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="PATTERN", help="Functions, as stats::*; repeatable. Needs --no-eval."
        ),
    ] = None,
    no_eval: Annotated[bool, typer.Option("--no-eval", help="No code: calls only, confined.")] = False,
    no_workspace: Annotated[
        bool, typer.Option("--no-workspace", help="No reading or writing of variables.")
    ] = False,
    publish: Annotated[
        list[str] | None,
        typer.Option("--publish", metavar="PATTERN", help="Topics; repeatable. Default: all."),
    ] = None,
    subscribe: Annotated[
        list[str] | None,
        typer.Option("--subscribe", metavar="PATTERN", help="Topics; repeatable. Default: all."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="WHEN", help="90d, 12h, a date, or never. Default: never."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit", metavar="KEY=NUMBER", help="sessions, memory, call_seconds, ...; repeatable."
        ),
    ] = None,
) -> None:
    """Make a token; it is the last line printed, and only a hash of it is kept.

    Without --no-eval its owner may send code, which is as much as a shell on this machine.
    """
    from arcuate.cli.tokens import create

    create(
        file,
        name,
        environments=environment or [],
        functions=allow or [],
        may_eval=not no_eval,
        workspace=not no_workspace,
        publish=publish,
        subscribe=subscribe,
        expires=expires,
        limits=limit or [],
    )


@token.command("list")
def list_(
    file: TokensFile = Path("tokens.toml"),
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show who has a token and what it allows."""
    from arcuate.cli.tokens import list_tokens

    list_tokens(file, as_json=json)


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose token.")],
    file: TokensFile = Path("tokens.toml"),
) -> None:
    """Take a token back; a hub that runs ends its sessions within about a second."""
    from arcuate.cli.tokens import revoke

    revoke(file, name)


@app.command("config")
def config_(
    show: Annotated[
        bool, typer.Option("--show", help="The settings in force and where each comes from.")
    ] = False,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Say whether a file is right.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="With --show: the file to read.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Print a commented arcuate.toml with every setting of a hub, to start from."""
    from arcuate.cli.configuration import print_configuration

    del verbose
    raise typer.Exit(print_configuration(show, check, config))


@app.command()
def types(
    env: Annotated[str | None, typer.Argument(help="Only this one.", autocompletion=names)] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print the type table: what becomes of each kind of value in each environment."""
    from arcuate.cli.listing import list_types

    list_types(env, as_json=json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the figure.")] = Path("demo-output"),
    json: Annotated[bool, typer.Option("--json", help="Print the figures of the run as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """R and Octave called from Python on real data: Mauna Loa CO2, decomposed, fitted and forecast."""
    from arcuate.cli.demo import demonstrate

    del verbose
    raise typer.Exit(demonstrate(out, as_json=json))


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def bench(
    ctx: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="The short version.")] = False,
) -> None:
    """Measure Arcuate beside rpy2 and oct2py; needs a checkout of the repository."""
    from arcuate.cli.benchmark import measure

    raise typer.Exit(measure(quick, ctx.args))
