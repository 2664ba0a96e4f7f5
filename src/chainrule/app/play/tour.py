"""The chapter in nine stops: each sets the page up, and has one thing to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.foundation.errors import must_be
from chainrule.insight.place import Place

__all__ = ["STOPS", "Part", "Stop", "Tour"]


@dataclass(frozen=True)
class Part:
    """One of the things to try at a stop, with a page of its own.

    Attributes
    ----------
    name : str
        What is tried.
    todo, action, settings, argument
        As of a stop.
    """

    name: str
    todo: str
    action: str
    settings: Mapping[str, Any]
    argument: str = ""
    times: int = 1


@dataclass(frozen=True)
class Stop:
    """A stop of the tour.

    Attributes
    ----------
    title, text : str
        Its subject, and what is to be seen.
    todo : str
        The one thing to do.
    action : str
        The action that does it.
    settings : mapping
        The settings of the page.
    argument : str
        The setting that is to be changed, where the action is a change.
    place : Place or None
        The weight to choose.
    times : int
        The number of times that it is to be done.
    parts : tuple of Part
        Several things to try, in place of the one; the first is there at once.
    """

    title: str
    text: str
    todo: str = ""
    action: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    argument: str = ""
    place: Place | None = None
    times: int = 1
    parts: tuple[Part, ...] = ()


CHAPTER = {"data": "chapter", "units": [3], "activations": ["sigmoid"], "start": "chapter"}
MOONS = {"data": "moons", "units": [6], "activations": ["tanh"], "start": "drawn", "seed": 1}
LINE = {"data": "line", "units": [], "activations": [], "start": "zeros", "learning_rate": 0.05}
W11 = Place(1, 0, 0)

STOPS = (
    Stop(
        "Feedforward",
        "Each unit of layer 1 multiplies the inputs by its weights, adds its bias, and has its "
        "weighted sum z. The sigmoid of z is its output a. Layer 2 does the same with these "
        "outputs: its number is the prediction. The chapter calls z h, and the prediction ŷ; it "
        "leaves biases out, which are the small b at each unit. A dot is a number that is not "
        "there yet.",
        "Press “Part of a step” twice, and watch z and a appear, layer by layer.",
        "substep",
        CHAPTER,
        times=2,
    ),
    Stop(
        "Activations",
        "Without a function after each sum, layers would be one straight line. The function gives "
        "the boundary its shape: relu bends it at corners, tanh and sigmoid round it.",
        "Play for a while, then choose another activation for layer 1 and play again.",
        "change",
        {**MOONS, "learning_rate": 0.3},
        argument="activations",
    ),
    Stop(
        "Losses",
        "The loss measures how wrong the predictions are, and its slope by the output, the δ of "
        "the last layer, is where learning begins. Numbers have the mean squared error or the mean "
        "absolute error; two classes have binary cross-entropy, and several classes categorical "
        "cross-entropy: the logarithm of the probability of the right class. Four things to try:",
        parts=(
            Part(
                "Mean squared error",
                "Under “Numbers of” choose row 4, then row 1, and compare the δ of the output. It "
                "is twice the error: a row that is four times as wrong pulls four times as hard.",
                "view",
                {**LINE, "loss": "mse"},
                times=2,
            ),
            Part(
                "Mean absolute error",
                "Choose row 4, then row 1 again. Now δ is -1 for both: only the side of the error "
                "counts, so that one wild row cannot pull the line away.",
                "view",
                {**LINE, "loss": "mae"},
                times=2,
            ),
            Part(
                "Binary cross-entropy",
                "Under “Loss and output” choose mse, and see the loss and δ change: mse takes the "
                "class as a plain number, and the prediction is no probability any more.",
                "change",
                {**MOONS, "learning_rate": 0.3, "loss": "binary_cross_entropy"},
                argument="loss",
            ),
            Part(
                "Categorical cross-entropy",
                "Click a point of the map. Of the three δ, that of the right class is negative, "
                "the others are positive, and their sum is 0: what one gains, the others lose.",
                "view",
                {**MOONS, "data": "blobs", "learning_rate": 0.3},
            ),
        ),
    ),
    Stop(
        "Backpropagation: the weight w11",
        "How does the loss change with the first weight, from x1 to the first unit? The chain rule "
        "multiplies four slopes: loss by output, output by a, a by z, z by the weight. The chapter "
        "writes ŷ for the z of layer 2, h11 for the z of the first unit, and w31 for w2[1,1]. The "
        "product is -0.0428.",
        "Click the topmost line from x1 (or move to it with Tab and press Enter), and read the "
        "four factors below the picture. Each comes from numbers in it.",
        "select",
        CHAPTER,
    ),
    Stop(
        "Gradient descent",
        "A step moves every weight against its slope, by rate times slope. With the chapter's rate "
        "of 1, w11 goes from -0.0053 to 0.0375. But all weights together go too far with it: the "
        "loss rises.",
        "Press “Step”, and find 0.0375 in the picture. Then take it back by “Back”, set “Learning "
        "rate” to 0.1 in the settings, and step again: the loss falls.",
        "step",
        {**CHAPTER, "learning_rate": 1.0},
        place=W11,
    ),
    Stop(
        "One batch at a time",
        "With many rows, a step looks at a batch of them only, and takes the mean of their slopes. "
        "The bars at the end of the chain rule, further down, show which row pulls the weight "
        "which way.",
        "Press “Step” three times. Each time another batch of 32 rows is next.",
        "step",
        MOONS,
        place=W11,
        times=3,
    ),
    Stop(
        "An epoch",
        "An epoch is a pass over all rows: each is in exactly one batch. Here 160 rows make 5 "
        "batches. The order is drawn again for the next epoch.",
        "Press “Epoch”, and see the step number go up by 5.",
        "epoch",
        MOONS,
    ),
    Stop(
        "Batch size",
        "Larger batches have less noise, but each step takes longer. Four times the rows halve the "
        "noise, so the returns diminish. Where, can be measured.",
        "Open “Measure” below the layers, and compare batch sizes. It takes some seconds.",
        "measure",
        {**MOONS, "rows": 1000, "learning_rate": 0.3},
    ),
    Stop(
        "Updating in parallel",
        "All slopes are computed from the same forward pass, before any weight moves. So all "
        "weights of all layers can move at once, and processors with many cores do it so.",
        "Let the lines show the last update, and press “Step”: every line moved.",
        "step",
        {**CHAPTER, "learning_rate": 0.1},
    ),
)


@dataclass
class Tour:
    """The place of a reader on the tour.

    Examples
    --------
    >>> tour = Tour()
    >>> tour.number = 4
    >>> tour.note("select", {"layer": 1})
    >>> tour.to_dict()["done"]
    True
    """

    number: int = 0
    made: int = field(default=0)
    part: int = 0
    tried: set[int] = field(default_factory=set)

    @property
    def stop(self) -> Stop | None:
        """The stop, or None off the tour."""
        return STOPS[self.number - 1] if self.number else None

    @property
    def task(self) -> Stop | Part | None:
        """The thing to do: the stop itself, or one of its parts."""
        stop = self.stop
        return stop.parts[self.part] if stop is not None and stop.parts else stop

    def go_to(self, number: Any, part: Any = None) -> Stop | None:
        """Go to a stop, from 1, and to a part of it, from 0; 0 leaves the tour."""
        if type(number) is not int or not 0 <= number <= len(STOPS):
            raise must_be("stop", f"an integer from 0 to {len(STOPS)}", number)
        parts = STOPS[number - 1].parts if number else ()
        if part is not None and (type(part) is not int or not 0 <= part < len(parts)):
            raise must_be("part", f"an integer from 0 to {len(parts) - 1}", part)
        if part is None:
            self.tried.clear()
        self.number, self.made, self.part = number, 0, part or 0
        return self.stop

    def note(self, action: str, request: Mapping[str, Any]) -> None:
        """Note an action of the reader."""
        task = self.task
        if task is None or action != task.action:
            return
        if task.argument and task.argument not in request.get("settings", {}):
            return
        self.made += 1
        if self.made >= task.times:
            self.tried.add(self.part)

    def to_dict(self) -> dict[str, Any] | None:
        """Return the stop as JSON can hold it; None off the tour."""
        stop, task = self.stop, self.task
        if stop is None or task is None:
            return None
        return {
            "number": self.number,
            "of": len(STOPS),
            "title": stop.title,
            "text": stop.text,
            "todo": task.todo,
            "done": self.part in self.tried,
            "part": self.part,
            "parts": [
                {"name": one.name, "done": k in self.tried} for k, one in enumerate(stop.parts)
            ],
        }
