"""The plots of ``byte-lsp bench core``. Needs matplotlib."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from byte_lsp.evaluation import byte_cost, context_cost, genlm_cost, request_cost
from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.core_bench import CoreResults
from byte_lsp.evaluation.plotting import COLOURS, FADED, label_points, plot
from byte_lsp.evaluation.report import show_interval
from byte_lsp.evaluation.vocabulary_cost import VocabularyCost


def draw_core(found: CoreResults, folder: Path) -> list[Path]:
    """One PNG for every part that was measured, ``core-PART.png``; returns their paths."""
    painters: Sequence[tuple[str, object, Callable[..., None]]] = (
        ("requests", found.requests, _requests),
        ("bytes", found.bytes, _bytes),
        ("contexts", found.contexts, _contexts),
        ("vocabulary", found.vocabulary, _vocabulary),
        ("genlm", found.genlm, _genlm),
    )
    paths = []
    for part, summary, paint in painters:
        if summary is not None:
            paths.append(folder / f"core-{part}.png")
            paint(summary, paths[-1])
    return paths


def _requests(summary: request_cost.Summary, path: Path) -> None:
    ratios = {each.name: each.ratio for each in summary.ratios}
    with plot(path, 10, 3.4, columns=2) as (whole, later):
        _strip(whole, summary, lambda request: request.total_s * 1e3)
        whole.set_title(f"A request of {summary.tokens} tokens, warm cache")
        whole.set_xlabel(f"ms, {len(summary.rounds)} prefixes\n{_ratio(ratios, 'request, exact / plain')}")
        _strip(later, summary, lambda request: request.s_per_later_token * 1e3)
        later.set_title("A token after the first")
        later.set_xlabel(f"ms per token\n{_ratio(ratios, 'later token, exact / raw')}")


def _strip(axes: Axes, summary: request_cost.Summary, value: Callable[[request_cost.Request], float]) -> None:
    """A dot for every prefix, and a line at each contender's median."""
    names = list(reversed(request_cost.CONTENDERS))
    scatter = np.random.default_rng(0)
    for at, contender in enumerate(names):
        values = [value(asked[contender]) for asked in summary.rounds]
        heights = at + scatter.uniform(-0.18, 0.18, len(values))
        axes.scatter(values, heights, s=14, color=COLOURS[contender], alpha=FADED, linewidths=0)
        median = float(np.median(values))
        axes.plot([median, median], [at - 0.32, at + 0.32], color=COLOURS[contender], linewidth=2.5)
        axes.annotate(f"{median:.3g}", (median, at + 0.33), ha="center", va="bottom", fontsize=8.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.5, len(names) - 0.3)
    axes.set_xlim(left=0)
    axes.grid(axis="x")


def _ratio(ratios: dict[str, Interval], name: str) -> str:
    return f"{name}: {show_interval(ratios[name])}"


def _bytes(summary: byte_cost.Summary, path: Path) -> None:
    names = ["token by token", *(f"byte by byte, eps {each.eps:g}" for each in summary.comparisons)]
    values = [summary.comparisons[0].token_path_byte_ms, *(each.byte_ms for each in summary.comparisons)]
    labels = ["", *(f"{each.ratio.estimate:.2f} ×" for each in summary.comparisons)]
    colours = [COLOURS["exact"], *([COLOURS["bytes"]] * len(summary.comparisons))]
    with plot(path, 7, 2.6) as (axes,):
        _bars(axes, names, values, colours, labels)
        axes.set_title("Both exact paths over the same bytes")
        axes.set_xlabel(f"median ms per byte, {len(summary.rounds)} prefixes")


def _contexts(summary: context_cost.Summary, path: Path) -> None:
    with plot(path, 10, 4, columns=2) as panels:
        for axes, warm in zip(panels, (False, True), strict=True):
            for growth in (each for each in summary.growths if each.warm == warm):
                colour = COLOURS[growth.contender]
                mine = [p for p in summary.points if (p.contender, p.warm) == (growth.contender, warm)]
                kib = [point.prefix_bytes / 1024 for point in mine]
                axes.scatter(kib, [p.ms / 1e3 for p in mine], s=14, color=colour, alpha=FADED, linewidths=0)
                ends = np.array([0, max(kib)])
                line = growth.base_ms + growth.slope_ms_per_kib * ends
                label = (
                    f"{growth.contender}: {growth.slope_ms_per_kib:.0f} ms per KiB, R² {growth.r_squared:.3f}"
                )
                axes.plot(ends, line / 1e3, color=colour, linewidth=1.5, label=label)
            axes.set_title("Warm cache: one byte was typed" if warm else "Cold cache", pad=42)
            axes.set_xlabel("KiB before the cursor")
            axes.set_ylabel(f"seconds for a request of {summary.tokens} tokens")
            axes.set_ylim(bottom=0)
            axes.set_xlim(left=0)
            axes.grid()
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)


def _vocabulary(costs: Sequence[VocabularyCost], path: Path) -> None:
    names = [f"{Path(each.model).stem}\n{each.vocabulary_size:,} pieces" for each in costs]
    engine = [each.token_engine_ms for each in costs]
    own = [each.token_own_ms for each in costs]
    places = np.arange(len(costs))[::-1]
    with plot(path, 7, 2.4) as (axes,):
        axes.barh(places, engine, color=COLOURS["raw"], height=0.55, label="inside the engine")
        axes.barh(places, own, left=engine, color=COLOURS["exact"], height=0.55, label="byte-lsp's own")
        for place, inside, ours in zip(places, engine, own, strict=True):
            axes.annotate(f" {inside:.1f} + {ours:.2f} ms", (inside + ours, place), va="center", fontsize=8.5)
        axes.set_yticks(places, names)
        axes.set_xlim(right=1.25 * max(map(sum, zip(engine, own, strict=True))))
        axes.set_title("A token after the first, by vocabulary", pad=26)
        axes.set_xlabel("median ms per token")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 0.98), ncols=2, borderaxespad=0)
        axes.grid(axis="x")


def _genlm(summary: genlm_cost.Summary, path: Path) -> None:
    names = [each.contender for each in summary.medians]
    colours = [COLOURS["plain" if name.startswith("genlm") else "exact"] for name in names]
    with plot(path, 10, 3.2, columns=2) as (prefix, generated):
        for axes, title, unit, values in (
            (
                prefix,
                "Until the first distribution after a prefix",
                "ms per byte of the prefix",
                [each.prefix_ms_per_byte for each in summary.medians],
            ),
            (
                generated,
                "Generating",
                "ms per generated byte",
                [each.generated_ms_per_byte for each in summary.medians],
            ),
        ):
            places = np.arange(len(names))[::-1]
            axes.scatter(values, places, color=colours, s=55, zorder=3)
            label_points(axes, places.tolist(), values, [f"{value:.3g}" for value in values])
            axes.set_yticks(places, names)
            axes.set_ylim(-0.6, len(names) - 0.4)
            axes.set_xscale("log")
            axes.set_xlim(min(values) / 2, max(values) * 3)
            axes.xaxis.set_major_formatter("{x:g}")
            axes.set_title(title)
            axes.set_xlabel(f"median {unit}, {len(summary.rounds)} prefixes (logarithmic)")
            axes.grid()
        generated.set_yticklabels([])


def _bars(
    axes: Axes,
    names: Sequence[str],
    values: Sequence[float],
    colours: Sequence[str],
    labels: Sequence[str],
) -> None:
    """Horizontal bars, the first on top, with a label at each one's end."""
    places = np.arange(len(names))[::-1]
    axes.barh(places, values, color=list(colours), height=0.6)
    label_points(axes, places.tolist(), values, labels)
    axes.set_yticks(places, names)
    axes.set_xlim(0, max(values) * 1.15)
    axes.grid(axis="x")
