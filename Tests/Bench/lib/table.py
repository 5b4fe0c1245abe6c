"""The figures as Markdown, ready for README."""

import dataclasses


@dataclasses.dataclass
class Row:
    what: str
    ours: str
    other: str = ""
    ratio: float = None
    target: str = ""
    met: bool = None  # None: there is no target, the row informs

    def cells(self):
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        met = {True: "met", False: "**missed**", None: ""}[self.met]
        return [self.what, self.ours, self.other, ratio, self.target, met]


def ratio_row(what, ours, other, limit=None, other_name="", unit="s"):
    """`limit` is the largest ratio that is still good."""
    ratio = ours / other
    text = lambda value: f"{value:.3f} {unit}" if value < 10 else f"{value:.1f} {unit}"
    return Row(what, text(ours), text(other) + (f" ({other_name})" if other_name else ""), ratio,
               f"≤ {limit}" if limit else "", ratio <= limit if limit else None)


def limit_row(what, value, limit, text):
    return Row(what, text(value), target=f"≤ {text(limit)}", met=value <= limit)


def markdown(rows):
    heads = ["", "cso-provision", "compared with", "ratio", "target", ""]
    cells = [heads] + [row.cells() for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
