"""The sources: what each reads and how it is asked, and what it would observe."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecasts.commands.shared import JsonOption, instant, print_json, services
from forecasts.errors import InvalidInputError

if TYPE_CHECKING:
    from datetime import datetime

    from forecasts.model import Observation, Source
    from forecasts.settings import Settings
    from jobs.sources._definition import DefinedSource

source_app = typer.Typer(no_args_is_help=True, help="Try a source before a criterion names it.")


def sources(as_json: JsonOption = False) -> None:
    """List the sources: what each reads, the fields of its query, and how it knows how far it is complete."""
    from jobs.sources import catalogue

    known = catalogue()
    described = [_described(known.get(name)) for name in known.names()]
    if as_json:
        print_json(described)
        return
    for source in described:
        typer.echo(f"{source['name']} ({source['kind']}; watermark: {', '.join(source['watermarks'])})")
        typer.echo(f"  {source['reads']}")
        if source["suggested_grace"]:
            typer.echo(f"  Suggested grace: {source['suggested_grace']}")
        width = max(len(field["name"]) for field in source["fields"])
        for field in source["fields"]:
            needed = "needed" if field["required"] else "optional"
            typer.echo(f"    {field['name']:<{width}}  {field['type']}, {needed}: {field['meaning']}")


def _described(source: "DefinedSource") -> dict[str, Any]:
    from forecasts.scalars import write_duration

    about = source.about
    schema = about.query.model_json_schema()
    needed = schema.get("required", [])
    fields = [
        {
            "name": name,
            "type": _type_of(field, schema.get("$defs", {})),
            "required": name in needed,
            "meaning": field["description"],
        }
        for name, field in schema["properties"].items()
    ]
    return {
        "name": source.name,
        "version": source.version,
        "reads": about.reads,
        "kind": about.kind,
        "watermarks": list(about.watermarks),
        "suggested_grace": write_duration(about.suggested_grace) if about.suggested_grace else None,
        "fields": fields,
        "schema": schema,
    }


def _type_of(field: dict[str, Any], named: dict[str, Any]) -> str:
    """Return the type of a field of a JSON schema in a few words."""
    if "$ref" in field:
        return _type_of(named[field["$ref"].rsplit("/", 1)[-1]], named)
    options = [option for option in field.get("anyOf", field.get("oneOf", [])) if option.get("type") != "null"]
    if options:
        return " or ".join(dict.fromkeys(_type_of(option, named) for option in options))
    if field["type"] == "array":
        return f"list of {_type_of(field['items'], named)}"
    if field["type"] == "object":
        return _object_type(field, named)
    words = field.get("enum") or [field.get("const") or field.get("format") or field["type"]]
    return " or ".join(words)


def _object_type(field: dict[str, Any], named: dict[str, Any]) -> str:
    if "properties" not in field:
        return f"names with a {_type_of(field['additionalProperties'], named)}"
    needed = field.get("required", [])
    parts = ((name, name in needed, _type_of(part, named)) for name, part in field["properties"].items())
    return "{" + ", ".join(f"{name}{'' if must else '?'} = {what}" for name, must, what in parts) + "}"


@source_app.command("try")
def try_source(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The source, as in `calledit sources`.")],
    query: Annotated[str, typer.Option("--query", help="The query as JSON, as a criterion has it.")],
    file: Annotated[
        Path | None, typer.Option("--file", help="Read these recorded bytes instead of fetching.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="When they were fetched, as 2020-06-30T00:00:00Z; default now.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a source would observe: status, rows or state, watermark, problems. Nothing is written."""
    made = services(ctx)
    source = made.catalogue().get(name)
    asked = source.canonical(_query(query))
    if at is not None and file is None:
        raise InvalidInputError("--at goes with --file: what is fetched now cannot be as of another instant.")
    fetched_at = instant(at, "--at") if at is not None else made.clock().now()
    settings = made.settings()
    if file is None:
        request, observation = _fetched(source, asked, fetched_at, settings)
    else:
        request = source.request(asked, as_of=fetched_at, previous=None).location
        body = _bytes(file, settings.fetch_bytes)
        observation = source.parse(body, query=asked, content_type="", fetched_at=fetched_at, previous=None)
    shown = _shown(name, asked, request, fetched_at, observation)
    if as_json:
        print_json(shown)
    else:
        _print(shown)


def _query(text: str) -> dict[str, Any]:
    from forecasts.exchange.files import no_key_twice

    try:
        value = json.loads(text, object_pairs_hook=no_key_twice)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"--query is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidInputError('--query is a JSON object, for example {"location": "table.csv"}.')
    return value


def _bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(limit + 1)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read ({error.strerror}).") from None
    if len(body) > limit:
        raise InvalidInputError(f"{path} is larger than {limit} bytes; raise CALLEDIT_FETCH_BYTES to read it.")
    return body


def _fetched(
    source: "Source", query: dict[str, object], now: "datetime", settings: "Settings"
) -> "tuple[str, Observation]":
    """Fetch as a check does; return the address and the observation."""
    from jobs.fetch import live_fetcher
    from jobs.worker import unusable

    fetcher = live_fetcher(settings)
    try:
        request = source.request(query, as_of=now, previous=None)
        response = fetcher.fetch(request)
    finally:
        fetcher.close()
    observation = unusable(response, now) or source.parse(
        response.body, query=query, content_type=response.content_type, fetched_at=now, previous=None
    )
    return request.location, observation


def _shown(
    name: str, query: dict[str, object], request: str, at: "datetime", observation: "Observation"
) -> dict[str, Any]:
    from forecasts.model import iso
    from jobs.observed import described

    return {
        "source": name,
        "query": query,
        "request": request,
        "fetched_at": iso(at),
        **described(observation),
    }


def _print(shown: dict[str, Any]) -> None:
    """Print an observation for people."""
    from jobs.observed import lines

    typer.echo(f"{shown['status']}: {shown['request']}")
    for line in lines(shown, "--json shows all"):
        typer.echo(f"  {line}")
