"""A reader of the LaTeX in the catalogues, into numbers or into computer algebra.

SymPy's reader of LaTeX knows neither ``cases`` nor ``\\operatorname`` and leaves ``a (1 - a)``
ambiguous, so the few constructions that the catalogues use are read here.
"""

import re

import numpy as np
import scipy.special
import sympy

TOKEN = re.compile(r"\\begin\{cases\}|\\end\{cases\}|\\\\|\\[a-zA-Z]+|\d+\.?\d*(?:e-?\d+)?|[^\s]")
RELATIONS = ("<", ">", "=", r"\leq", r"\geq")


class Numbers:
    """What the words of a formula mean for NumPy arrays."""

    functions = {
        "tanh": np.tanh,
        "cosh": np.cosh,
        "sinh": np.sinh,
        "arctan": np.arctan,
        "log": np.log,
        "cos": np.cos,
        "sin": np.sin,
        "max": np.maximum,
        "min": np.minimum,
        "sign": np.sign,
        "erf": scipy.special.erf,
        "erfc": scipy.special.erfc,
        "abs": np.abs,
        "sqrt": np.sqrt,
        "floor": np.floor,
    }
    relations = dict(
        zip(
            RELATIONS, (np.less, np.greater, np.equal, np.less_equal, np.greater_equal), strict=True
        )
    )
    constants = {"e": np.e, r"\pi": np.pi}
    number = float
    power = np.power

    @staticmethod
    def cases(conditions, results):
        shape = np.broadcast_shapes(*(np.shape(part) for part in (*conditions, *results)))
        spread = [np.broadcast_to(result, shape) for result in results]
        assert np.all(np.sum(conditions, axis=0) == 1), "each point must fall in one case"
        return np.select(conditions, spread)


class Algebra:
    """What the words of a formula mean for SymPy expressions."""

    functions = {
        "tanh": sympy.tanh,
        "cosh": sympy.cosh,
        "sinh": sympy.sinh,
        "arctan": sympy.atan,
        "log": sympy.log,
        "cos": sympy.cos,
        "sin": sympy.sin,
        "max": sympy.Max,
        "min": sympy.Min,
        "sign": sympy.sign,
        "erf": sympy.erf,
        "erfc": sympy.erfc,
        "abs": sympy.Abs,
        "sqrt": sympy.sqrt,
        "floor": sympy.floor,
    }
    relations = dict(
        zip(RELATIONS, (sympy.Lt, sympy.Gt, sympy.Eq, sympy.Le, sympy.Ge), strict=True)
    )
    constants = {"e": sympy.E, r"\pi": sympy.pi}
    number = sympy.Rational
    power = sympy.Pow

    @staticmethod
    def cases(conditions, results):
        return sympy.Piecewise(*zip(results, conditions, strict=True))


class Reader:
    """A recursive-descent evaluator of the LaTeX in the catalogues; sums run over the last axis."""

    def __init__(self, latex, values, maths=Numbers):
        self.tokens = TOKEN.findall(latex)
        self.values = values
        self.maths = maths
        self.place = 0
        self.bars = 0

    def peek(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.peek()
        assert token is not None, "the formula ends too early"
        assert wanted is None or token == wanted, f"{wanted} expected, {token} found"
        self.place += 1
        return token

    def whole(self):
        result = self.expression()
        assert self.peek() is None, f"{self.peek()} is left over"
        return result

    def expression(self):
        sign = -1 if self.peek() == "-" else 1
        if self.peek() in ("-", "+"):
            self.take()
        total = sign * self.term()
        while self.peek() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total = total + sign * self.term()
        return total

    def starts_factor(self):
        token = self.peek()
        if token == "|":
            return self.bars == 0
        return token is not None and (
            token[0].isalnum()
            or token in ("(", "{")
            or (token[0] == "\\" and token[1:].isalpha() and not self.separates(token))
            or token == r"\begin{cases}"
        )

    @staticmethod
    def separates(token):
        return token in RELATIONS or token in (r"\rfloor", r"\quad", r"\text", r"\leftarrow")

    def term(self):
        product = self.factor()
        while True:
            if self.peek() == "/":
                self.take()
                product = product / self.factor()
            elif self.starts_factor():
                product = product * self.factor()
            else:
                return product

    def factor(self):
        base = self.base()
        if self.peek() != "^":
            return base
        self.take()
        return self.maths.power(base, self.argument())

    def argument(self):
        """A group in braces, or a single token, as after ^ or _."""
        if self.peek() == "{":
            return self.group("{", "}")
        return self.base()

    def group(self, opening, closing):
        bars, self.bars = self.bars, 0
        self.take(opening)
        result = self.expression()
        self.take(closing)
        self.bars = bars
        return result

    def base(self):
        token = self.peek()
        if token in ("(", "{"):
            return self.group(token, ")" if token == "(" else "}")
        self.take()
        if token == "|":
            self.bars += 1
            result = self.maths.functions["abs"](self.expression())
            self.take("|")
            self.bars -= 1
            return result
        if token[0].isdigit():
            return self.maths.number(token)
        if token == r"\frac":
            return self.group("{", "}") / self.group("{", "}")
        if token == r"\sqrt":
            return self.maths.functions["sqrt"](self.group("{", "}"))
        if token == r"\lfloor":
            result = self.maths.functions["floor"](self.expression())
            self.take(r"\rfloor")
            return result
        if token == r"\sum":
            self.subscript()
            return np.sum(self.term(), axis=-1, keepdims=True)
        if token == r"\begin{cases}":
            return self.cases()
        if token == r"\operatorname":
            self.take("{")
            name = ""
            while self.peek() != "}":
                name += self.take()
            self.take("}")
            return self.call(name)
        if token[1:] in self.maths.functions:
            return self.call(token[1:])
        name = token + self.subscript()
        if name in self.values:
            return self.values[name]
        return self.values[token] if token in self.values else self.maths.constants[token]

    def subscript(self):
        if self.peek() != "_":
            return ""
        self.take()
        if self.peek() == "{":
            self.take()
            index = self.take()
            self.take("}")
            return f"_{index}"
        return f"_{self.take()}"

    def call(self, name):
        self.take("(")
        arguments = [self.expression()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.expression())
        self.take(")")
        assert name in self.maths.functions, (
            f"\\{name} is not known to tests/contracts/latex.py: add it to both tables of functions"
        )
        return self.maths.functions[name](*arguments)

    def cases(self):
        conditions, results = [], []
        while True:
            results.append(self.expression())
            self.take("&")
            left = self.expression()
            conditions.append(self.maths.relations[self.take()](left, self.expression()))
            if self.take() == r"\end{cases}":
                break
        return self.maths.cases(conditions, results)
