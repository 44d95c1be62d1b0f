"""Distances between cities by train, in kilometres."""

DISTANCES = {
    ("Köln", "Düsseldorf"): 40,
    ("Köln", "München"): 576,
    ("München", "Zürich"): 315,
}


def distance(start, end):
    """The distance between two neighbours, whichever comes first."""
    if (start, end) in DISTANCES:
        return DISTANCES[start, end]
    return DISTANCES[end, start]


print("Düsseldorf → Köln:", distance("Düsseldorf", "Köln"))
print("Köln → München:", distance("Köln", "München"))
print("München → Zürich:", distance("München", "Zürich"))
