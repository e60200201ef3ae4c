"""Turn small tables into straight-line programs of AND, OR and XOR, so that whole arrays run through them.

A Boolean function is a truth table, an integer: bit i is the value where the inputs spell i, input 0
the least significant. Each is taken apart by one input x (Davio's expansion): f = f0 ^ (x & d) or,
which is the same, f1 ^ ~(x | ~d) with d = f0 ^ f1. Parts are shared; the order of inputs that needs
the fewest gates wins.
"""

from dataclasses import dataclass
from itertools import permutations

AND, OR, XOR = "and", "or", "xor"
Gate = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Program:
    """Gates (operation, left slot, right slot, target slot) over numbered slots.

    Slots 0 to ``inputs`` - 1 hold the inputs and are never written. ``outputs``: for each function the
    slot of its value and whether that has still to be complemented.
    """

    inputs: int
    slots: int
    gates: tuple[Gate, ...]
    outputs: tuple[tuple[int, bool], ...]


def compile_functions(tables: tuple[int, ...], inputs: int) -> Program:
    """Return a program for several functions of the same inputs; no function may be constant.

    >>> program = compile_functions((0b0110, 0b1000), 2)
    >>> [gate[0] for gate in program.gates]
    ['xor', 'and']
    """
    best = min(
        (_Builder(inputs, order).build(tables) for order in permutations(range(inputs))),
        key=lambda built: len(built[0]),
    )
    gates, outputs = best
    for at, (node, complemented) in enumerate(outputs):
        if node < inputs or node in (other for other, _ in outputs[:at]):
            gates.append((AND, node, node))  # every output gets a slot of its own
            outputs[at] = (inputs + len(gates) - 1, complemented)
    return _allocate(inputs, gates, outputs)


class _Builder:
    """Collects gates for one order of the inputs; nodes are numbered, inputs first."""

    def __init__(self, inputs: int, order: tuple[int, ...]) -> None:
        self.inputs, self.order = inputs, order
        self.all = 2 ** (2**inputs) - 1
        self.columns = [
            sum(1 << row for row in range(2**inputs) if row >> at & 1) for at in range(inputs)
        ]
        self.nodes = {column: at for at, column in enumerate(self.columns)}
        self.gates: list[tuple[str, int, int]] = []

    def build(
        self, tables: tuple[int, ...]
    ) -> tuple[list[tuple[str, int, int]], list[tuple[int, bool]]]:
        outputs = []
        for table in tables:
            complemented = bool(table & 1)
            outputs.append((self.node(table ^ self.all * complemented, 0), complemented))
        return self.gates, outputs

    def node(self, table: int, depth: int) -> int:
        """The node of a table whose value at 0 is 0; ``depth`` inputs have been taken out."""
        known = self.nodes.get(table)
        if known is not None:
            return known
        at = self.order[depth]
        low = self.half(table, at, high=False)
        high = self.half(table, at, high=True)
        difference = low ^ high
        if difference == 0:
            return self.node(table, depth + 1)
        if difference == self.all:
            return self.gate(table, XOR, self.node(low, depth + 1), at)
        if difference & 1:  # complemented: f = f1 ^ ~(x | ~d), and f1 is complemented as well
            product = self.gate(
                self.columns[at] | difference ^ self.all,
                OR,
                at,
                self.node(difference ^ self.all, depth + 1),
            )
            rest = high ^ self.all
        else:
            product = self.gate(
                self.columns[at] & difference, AND, at, self.node(difference, depth + 1)
            )
            rest = low
        if rest == 0:
            self.nodes[table] = product
            return product
        return self.gate(table, XOR, self.node(rest, depth + 1), product)

    def half(self, table: int, at: int, *, high: bool) -> int:
        """The table with input ``at`` fixed, still over all inputs."""
        step = 1 << at
        if high:
            kept = table & self.columns[at]
            return kept | kept >> step
        kept = table & ~self.columns[at]
        return kept | kept << step

    def gate(self, table: int, operation: str, left: int, right: int) -> int:
        known = self.nodes.get(table)
        if known is not None:
            return known
        self.gates.append((operation, left, right))
        self.nodes[table] = self.inputs + len(self.gates) - 1
        return self.nodes[table]


def _allocate(
    inputs: int, gates: list[tuple[str, int, int]], outputs: list[tuple[int, bool]]
) -> Program:
    """Give nodes slots: outputs the first ones after the inputs, the rest in turn, used again when free."""
    results = [node for node, _ in outputs]
    slot_of = {node: node for node in range(inputs)}
    slot_of |= {node: inputs + at for at, node in enumerate(results)}
    last_read: dict[int, int] = {}
    for position, (_, left, right) in enumerate(gates):
        last_read[left] = last_read[right] = position
    slots = len(slot_of)
    free: list[int] = []
    placed: list[Gate] = []
    for position, (operation, left, right) in enumerate(gates):
        sources = slot_of[left], slot_of[right]
        free += [
            slot_of[node]
            for node in {left, right}
            if node >= inputs and node not in results and last_read[node] == position
        ]
        node = inputs + position
        if node not in slot_of:
            if not free:
                free, slots = [slots], slots + 1
            slot_of[node] = free.pop()
        placed.append((operation, *sources, slot_of[node]))
    return Program(inputs, slots, tuple(placed), tuple((slot_of[n], c) for n, c in outputs))
