"""A page that shows a person what a twin holds and what happened to it; plain HTML that reloads itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from simulator.clock import iso
from simulator.control import ControlPlane, Vendor

RELOAD_SECONDS = 2
LAST_CALLS = 25

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --bad: #b3261e; --good: #2e7d32; --mark: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #81c784; --mark: #e3b341; } }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 92rem; padding: 1rem 1.5rem 3rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; }
h1 { font-size: 1.5rem; margin: .25rem 0; }
h2 { font-size: 1rem; margin: 0 0 .5rem; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.figures li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; min-width: 8.5rem; }
.figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem;
  align-items: start; }
section { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; margin-bottom: 1rem;
  overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
td, th { padding: .2rem .5rem .2rem 0; text-align: left; border-top: 1px solid var(--soft); vertical-align: top;
  overflow-wrap: anywhere; }
th { font-weight: 600; border-top: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0;
  padding-left: .5rem; }
tr.none { opacity: .55; }
.bad { color: var(--bad); font-weight: 600; }
.good { color: var(--good); }
.mark { color: var(--mark); font-weight: 600; }
.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font: 13px/1.4 ui-monospace, monospace; }
p { margin: 0; }
"""

type Row = tuple[str, Sequence[str]]
"""The class of a table row, and its cells as HTML."""


def status_page(vendor: Vendor, control: ControlPlane) -> str:
    """Give the page as it is at this moment."""
    name = vendor.name.title()
    neighbours = "".join(
        f'<a href="{escape(url)}/_sim/">{escape(other.title())} twin</a>'
        for other, url in control.neighbours.items()
        if other != vendor.name
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{RELOAD_SECONDS}">
<title>{name} twin</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{name} twin</h1>{neighbours}<span>{_clock(control)}</span></header>
{_figures(vendor, control)}
<div class="columns">
<div>{_records(vendor.counts())}{_violations(control)}{_faults(control)}</div>
<div>{_endpoints(control)}{_last_calls(control)}</div>
<div>{_limits(vendor, control)}</div>
</div>
</body>
</html>
"""


def _clock(control: ControlPlane) -> str:
    clock = control.clock
    if clock.stands:
        moves = f"moves {clock.step_seconds:g} s with each call" if clock.step_seconds else "stands still"
    else:
        moves = "runs"
    return f"Clock: <b>{iso(clock.now())[:19]}Z</b>, {moves}"


def _figures(vendor: Vendor, control: ControlPlane) -> str:
    rate, most = vendor.default_limits.get("calls_per_20s"), control.limits.get("calls_per_20s")
    figures = {
        "records": sum(vendor.counts().values()),
        "calls": control.total,
        "in flight now": control.in_flight,
        "most at once": control.peak_concurrency,
        f"most in 20 s{f' (of {most:,})' if rate else ''}": control.max_calls_in_20s,
        "limits broken": control.violations.total(),
    }
    items = "".join(
        f"<li><b{_bad(label == 'limits broken' and value)}>{value:,}</b>{escape(label)}</li>"
        for label, value in figures.items()
    )
    return f'<ul class="figures">{items}</ul>'


def _bad(yes: object) -> str:
    return ' class="bad"' if yes else ""


def _records(counts: Mapping[str, int]) -> str:
    rows = [
        ("" if count else "none", [escape(name), f"{count:,}"])
        for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
    return _section("Records", ["Object", "Records"], rows, "no objects")


def _violations(control: ControlPlane) -> str:
    rows = [("", [f'<span class="bad">{escape(code)}</span>', f"{n:,}"]) for code, n in control.violations.items()]
    return _section("Limits broken", ["Code", "Times"], rows, '<span class="good">none</span>')


def _faults(control: ControlPlane) -> str:
    hidden = {"match", "kind", "hits"}
    rows: list[Row] = []
    for rule in control.rules():
        rest = ", ".join(f"{name} {value}" for name, value in rule.items() if name not in hidden)
        words = f"<b>{escape(str(rule['kind']))}</b> {escape(rest)}<br><code>{escape(str(rule['match']))}</code>"
        rows.append(("", [words, f"{rule['hits']:,}"]))
    return _section("Faults switched on", ["Rule", "Hits"], rows, "none")


def _endpoints(control: ControlPlane) -> str:
    rows = [("", [f"<code>{escape(each)}</code>", f"{n:,}"]) for each, n in control.by_endpoint.most_common()]
    return _section("Calls by endpoint", ["Endpoint", "Calls"], rows, "no calls yet")


def _limits(vendor: Vendor, control: ControlPlane) -> str:
    rows: list[Row] = []
    # what differs from a fresh twin comes first
    for name, default in sorted(vendor.default_limits.items(), key=lambda each: control.limits[each[0]] == each[1]):
        value = control.limits[name]
        shown = _value(value)
        if value != default:
            shown = f'<span class="mark">{shown}</span> (usually {_value(default)})'
        rows.append(("", [f"<code>{escape(name)}</code>", shown]))
    return _section("Limits and switches", ["Name", "Value"], rows, "none")


def _value(value: float) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:,}"


def _last_calls(control: ControlPlane) -> str:
    rows: list[Row] = []
    for each in reversed(control.log[-LAST_CALLS:]):
        status = each["status"] or "no answer"
        bad = each["status"] == 0 or each["status"] >= 400
        rows.append(
            (
                "",
                [
                    f'<span class="time">{escape(each["at"][11:19])}</span>',
                    f'<code title="by {escape(each["client"])}">{escape(each["method"])} {escape(each["path"])}</code>',
                    f"<span{_bad(bad)}>{status}</span>",
                ],
            )
        )
    titles = ["Time", "Call", "Status"]
    return _section(f"The last {LAST_CALLS} calls", titles, rows, "no calls yet")


def _section(title: str, titles: Sequence[str], rows: Iterable[Row], nothing: str) -> str:
    """Make a titled table, or a sentence where it would be empty; the last column is one of numbers."""
    opening = f"<section><h2>{title}</h2>"
    body = "".join(f"<tr{f' class={kind}' if kind else ''}>" + _cells("td", cells) + "</tr>" for kind, cells in rows)
    if not body:
        return f"{opening}<p>{nothing}</p></section>"
    return f"{opening}<table><thead><tr>{_cells('th', titles)}</tr></thead><tbody>{body}</tbody></table></section>"


def _cells(tag: str, cells: Sequence[str]) -> str:
    last = len(cells) - 1
    scope = " scope=col" if tag == "th" else ""
    return "".join(
        f"<{tag}{scope}{' class=number' if index == last else ''}>{cell}</{tag}>" for index, cell in enumerate(cells)
    )
