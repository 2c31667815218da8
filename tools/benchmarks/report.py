# SPDX-License-Identifier: MIT
"""The result as lines of a table, as JSON, and as a page with charts."""

import html
import json
import math

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b",
           "#17becf", "#7f7f7f")
HEAD = ("| work | peer | mount | peer | ratio | aim |\n"
        "| --- | --- | ---: | ---: | ---: | ---: |")


def rate(row, seconds):
    value = row.amount / seconds
    digits = 0 if value >= 100 else 1
    return f"{value:,.{digits}f} {row.unit}/s"


def line(row):
    aim = "" if row.target is None else f"{row.target:g}"
    limit = (f" ({row.limit}: {rate(row, row.limit_seconds)})"
             if row.limit else "")
    return (f"| {row.work} | {row.peer} | {rate(row, row.mount_seconds)} "
            f"| {rate(row, row.peer_seconds)}{limit} | {row.ratio:.2f} "
            f"| {aim} |")


def growth_line(series):
    points = ", ".join(f"{size:.0e}: {seconds:.3g} s"
                       for size, seconds in series.points)
    return f"| {series.name} | {points} | {series.slope:.2f} |"


def write_json(path, result):
    with open(path, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


def bars(rows):
    """A bar for each ratio on a logarithmic axis, a mark at each aim."""
    width, step, left = 760, 26, 380
    ratios = [row["ratio"] for row in rows]
    aims = [row["target"] for row in rows if row["target"]]
    low = math.log10(min(ratios + aims + [1])) - 0.1
    high = math.log10(max(ratios + aims + [1])) + 0.1

    def x(value):
        return left + (math.log10(value) - low) / (high - low) * (width - left)

    parts = []
    for number, row in enumerate(rows):
        y = number * step
        good = not row["target"] or row["ratio"] >= row["target"]
        start, end = sorted((x(1), x(row["ratio"])))
        parts.append(
            f'<text x="{left - 6}" y="{y + 16}" text-anchor="end">'
            f'{html.escape(row["work"])}</text>'
            f'<rect x="{start:.1f}" y="{y + 4}" height="16" '
            f'width="{max(end - start, 1):.1f}" '
            f'fill="{COLOURS[2] if good else COLOURS[1]}"/>'
            f'<text x="{end + 4:.1f}" y="{y + 16}">{row["ratio"]:.2f}</text>')
        if row["target"]:
            parts.append(f'<path d="M{x(row["target"]):.1f} {y + 1}v22" '
                         'stroke="black" stroke-width="2"/>')
    height = len(rows) * step
    return (f'<svg viewBox="0 0 {width + 60} {height}" width="{width + 60}">'
            f'<path d="M{x(1):.1f} 0v{height}" stroke="#999"/>'
            f'{"".join(parts)}</svg>')


def curves(series):
    """Seconds over size, both axes logarithmic."""
    width, height, margin = 560, 360, 60
    points = [point for one in series for point in one["points"]]
    x_low, x_high = (math.log10(f(p[0] for p in points)) for f in (min, max))
    y_low, y_high = (math.log10(f(p[1] for p in points)) for f in (min, max))
    y_low, y_high = math.floor(y_low), math.ceil(y_high)

    def at(point):
        x = margin + (math.log10(point[0]) - x_low) / \
            max(x_high - x_low, 1e-9) * (width - margin)
        y = height - (math.log10(point[1]) - y_low) / \
            max(y_high - y_low, 1e-9) * height
        return f"{x:.1f},{y:.1f}"

    parts = []
    for decade in range(y_low, y_high + 1):
        y = at((points[0][0], 10.0**decade)).split(",")[1]
        parts.append(f'<path d="M{margin} {y}H{width}" stroke="#ddd"/>'
                     f'<text x="0" y="{y}">{10.0**decade:g} s</text>')
    for size in sorted({point[0] for point in points}):
        x = at((size, 10.0**y_low)).split(",")[0]
        parts.append(f'<text x="{x}" y="{height + 18}" text-anchor="middle">'
                     f'{size:.0e}</text>')
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        line_points = " ".join(map(at, one["points"]))
        parts.append(
            f'<polyline points="{line_points}" fill="none" '
            f'stroke="{colour}" stroke-width="2"/>'
            f'<text x="{width + 10}" y="{20 + 18 * number}" fill="{colour}">'
            f'{html.escape(one["name"])}: slope {one["slope"]:.2f}</text>')
    return (f'<svg viewBox="-10 -20 {width + 300} {height + 60}" '
            f'width="{width + 300}">{"".join(parts)}</svg>')


def write_html(path, result):
    """One page without scripts; the charts are SVG."""
    growth = ""
    for unit in sorted({one["unit"] for one in result["growth"]}):
        same = [one for one in result["growth"] if one["unit"] == unit]
        growth += f"<h2>Growth: seconds over {unit}</h2>{curves(same)}"
    compared = (f"<h2>Ratios: peer's seconds / mount's seconds</h2>"
                f"<p>Black marks are the aims.</p>{bars(result['rows'])}"
                if result["rows"] else "")
    with open(path, "w") as file:
        file.write(
            "<!doctype html><meta charset=utf-8><title>engramfs: storage "
            "performance</title><style>body{font:14px sans-serif;margin:2em}"
            "svg text{font:12px sans-serif}</style><h1>engramfs: storage "
            f"performance</h1><p>{html.escape(result['machine'])}, "
            f"{result['date']}</p>{compared}{growth}\n")
