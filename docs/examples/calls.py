"""Calling functions: by name, by attribute, with several outputs, with functions as arguments."""

from arcuate.client import connect

with connect("r") as r, connect("octave") as octave:
    # by name, with named arguments
    print(r.call("stats::quantile", [1.0, 2.0, 3.0, 4.0], probs=[0.25, 0.75]).values)
    # as attributes; an underscore also stands for a dot
    print(r.is_na([1, 2, 3]))
    # a name that clashes with an argument of call() itself
    r.run("slow <- function(x, timeout) x + timeout")
    print(r.call("slow", 1, named={"timeout": 3}))
    # several outputs
    largest, where = octave.call("max", [3.0, 9.0, 4.0], nargout=2)
    print(largest, where)
    # a Python function as an argument
    print(r.call("Reduce", lambda a, b: a * 10 + b, [1, 2, 3]))
    # an object that stays in R, and is used from here
    fit = r.call("lm", "mpg ~ wt", data=r.datasets.mtcars, keep=True)
    print(round(r.call("summary", fit, keep=True).r_squared, 4))
    # an expression, and statements
    print(octave.eval("2 ^ 10"))
    r.run("x <- 6; cat(x * 7, '\n')")
