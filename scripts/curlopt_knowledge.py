"""Whether src/curlopt/knowledge.toml is sound: only options that exist, only fields that are known,
no pointer into nothing. Used by scripts/curlopt-table."""

import tomllib

MEANING_LENGTH_MAX = 100
MEANINGS_MIN = 120
TOPICS = ("timeouts", "connection", "upload", "HTTP", "names", "TLS", "proxy", "authentication",
          "limits", "cookies", "protocol", "debugging", "multi")
UNITS = ("seconds", "milliseconds", "bytes", "bytes/s", "switch", "count")
FIELDS = {"meaning": str, "topic": str, "default": str, "unit": str, "min": int, "max": int,
          "clamped": bool, "upload": str, "not": str, "measured": str, "no_effect": bool,
          "instead": str, "same_as": str, "secret": bool, "secret_userinfo": bool, "warn": list,
          "reserved": str, "flag": str}
WARN_FIELDS = {"values": list, "text": str}
# Kinds of options, as the table names them.
NUMBERS = ("long", "values", "off_t")


def complaints(path, table):
    """What is wrong, a line each; table is that of the options."""
    try:
        knowledge = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        return [f"{path}: {error}"]
    options = {key(option): option for option in table}
    not_options = knowledge.pop("not_options", {})
    found = list(of_names(not_options, options))
    for name, entry in knowledge.items():
        if name not in options:
            found.append(f"{name}: libcurl has no such option")
        elif options[name].kind == "alias":
            found.append(f"{name}: an alias; write it under {options[name].instead}")
        else:
            found += [f"{name}: {text}" for text in of_entry(name, entry, knowledge)]
            if options[name].kind not in NUMBERS and is_about_numbers(entry):
                found.append(f"{name}: bounds and units are for numbers; it is a {options[name].kind}")
    meanings = sum("meaning" in entry for entry in knowledge.values())
    if meanings < MEANINGS_MIN:
        found.append(f"{meanings} options have a meaning, at least {MEANINGS_MIN} must")
    return [f"src/curlopt/{path.name}: {text}" for text in found]


def key(option):
    return option.name if option.handle == "easy" else f"multi.{option.name}"


def of_names(not_options, options):
    for name, text in not_options.items():
        if name in options:
            yield f"not_options.{name}: libcurl has such an option"
        if not is_line(text):
            yield f"not_options.{name}: must be one line of text"


def of_entry(name, entry, knowledge):
    yield from of_fields(entry, FIELDS)
    for field in ("meaning", "topic"):
        if field not in entry:
            yield f"lacks {field}"
    if len(entry.get("meaning", "")) > MEANING_LENGTH_MAX:
        yield f"meaning is longer than {MEANING_LENGTH_MAX} characters"
    for field, known in (("topic", TOPICS), ("unit", UNITS)):
        if entry.get(field, known[0]) not in known:
            yield f"{field}: {entry[field]!r} is none of {', '.join(known)}"
    if entry.get("topic") != "multi" and name.startswith("multi."):
        yield "topic must be multi"
    yield from of_bounds(entry)
    same = entry.get("same_as")
    if same and knowledge.get(same, {}).get("same_as") != name:
        yield f"same_as: {same} does not point back"
    for warning in entry.get("warn", []):
        yield from (f"warn: {text}" for text in of_fields(warning, WARN_FIELDS))
        if "text" not in warning:
            yield "warn: lacks text"
        if not all(type(value) is int for value in warning.get("values", [])):
            yield "warn: values must be whole numbers"
    if "flag" in entry and "reserved" not in entry:
        yield "flag is for what is reserved"
    if "instead" in entry and not entry.get("no_effect"):
        yield "instead is for what has no effect"


def is_about_numbers(entry):
    """Whether anything said of it makes sense for a number alone."""
    return (bool({"unit", "min", "max", "clamped"} & entry.keys())
            or any("values" in warning for warning in entry.get("warn", [])))


def of_bounds(entry):
    if ("min" in entry or "max" in entry) and "unit" not in entry:
        yield "has bounds, but no unit"
    if entry.get("min", 0) > entry.get("max", entry.get("min", 0)):
        yield "min is above max"
    if entry.get("clamped") and not {"min", "max"} & entry.keys():
        yield "clamped, but to what? give min or max"


def of_fields(entry, known):
    for field, value in entry.items():
        if field not in known:
            yield f"unknown field {field}; known are: {', '.join(known)}"
        elif type(value) is not known[field]:
            yield f"{field} must be {known[field].__name__}"
        elif type(value) is str and not is_line(value):
            yield f"{field} must be one line of text"


def is_line(text):
    return type(text) is str and text == text.strip() and text != "" and "\n" not in text
