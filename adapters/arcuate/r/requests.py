"""The requests of the worker protocol, one method each."""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError, InvalidArgument, NameNotFound, ProtocolError
from arcuate.r import rapi
from arcuate.r.evaluation import Evaluation
from arcuate.r.from_r import Writer
from arcuate.r.rapi import INTSXP, STRSXP, VECSXP, lib
from arcuate.values import codes

__all__ = ["Requests"]

_INLINE = 8
_SIMPLE = frozenset({rapi.LGLSXP, INTSXP, rapi.REALSXP, STRSXP, rapi.CPLXSXP})


class Requests(Evaluation):
    """Answers requests: each method reads the fields and writes the ``value`` of the reply."""

    _heads: dict[str, Any]
    _next_bound: int

    def take_signals(self) -> None:
        """Acts on the signals that arrived."""
        raise NotImplementedError

    def _call(self, fields: dict[str, Any], out: Writer) -> None:
        bound: list[str] = []
        name = fields.get("name")
        args = fields.get("args")
        n = lib.Rf_xlength(args) if args is not None else 0
        named = fields.get("named")
        total = n + (len(named[0]) if named else 0)
        if name is not None:
            head = self._heads.get(name)
            if head is None:
                head = self._head(name)
        else:
            head = self._bind(self._handles.find(_handle_id(fields["target"])), "function", bound)
        call = lib.Rf_protect(lib.Rf_allocList(1 + total))
        try:
            call.sxpinfo.type = rapi.LANGSXP
            lib.SETCAR(call, head)
            at = call
            for i in range(n):
                at = lib.CDR(at)
                x = lib.VECTOR_ELT(args, i)
                lib.SETCAR(at, x if _inlined(x) else self._bind(x, "arg", bound))
            if named:
                names, values = named
                for i, key in enumerate(names):
                    at = lib.CDR(at)
                    x = lib.VECTOR_ELT(values, i)
                    lib.SETCAR(at, x if _inlined(x) else self._bind(x, key, bound))
                    if key:
                        lib.SET_TAG(at, rapi.symbol(key))
            whole = call
            if bound:
                # forced at once: what a function keeps unevaluated would not find its name later
                whole = lib.Rf_protect(lib.Rf_allocList(3 + total))
                whole.sxpinfo.type = rapi.LANGSXP
                lib.SETCAR(whole, self._force)
                at = lib.CDR(whole)
                lib.SETCAR(at, lib.Rf_ScalarInteger(total))
                lib.SETCDR(at, call)
                lib.Rf_unprotect(1)
                call = whole
            lib.Rf_protect(call)
            try:
                self._deliver(self._run_call(self._evaluate, call, name), fields, out)
            finally:
                lib.Rf_unprotect(1)
        finally:
            lib.Rf_unprotect(1)
            if bound:
                self._quietly("unbind", lib.Rf_protect(rapi.make_texts(bound)))
                lib.Rf_unprotect(1)

    def _head(self, name: str) -> Any:
        """The head of a call: a symbol, or ``pkg::name``."""
        for operator in (":::", "::"):
            package, colons, function = name.partition(operator)
            if colons and package and function:
                head = rapi.anchor(
                    lib.Rf_lang3(rapi.symbol(operator), rapi.symbol(package), rapi.symbol(function))
                )
                break
        else:
            if not name:
                raise NameNotFound("a function without a name was called")
            head = rapi.symbol(name)
        if len(self._heads) < 4096:
            self._heads[name] = head
        return head

    def _bind(self, x: Any, hint: str, bound: list[str]) -> Any:
        """A symbol that stands for a value while a call runs."""
        name = f".{hint}{self._next_bound}"
        self._next_bound += 1
        symbol = rapi.symbol(name)
        lib.Rf_defineVar(symbol, x, self._f_arguments())
        bound.append(name)
        return symbol

    def _f_arguments(self) -> Any:
        return lib.Rf_findVarInFrame(self._home, rapi.symbol(".arguments"))

    def _deliver(self, value: Any, fields: dict[str, Any], out: Writer) -> None:
        """The value of a reply."""
        nargout = fields.get("nargout", 1)
        if nargout == 0:
            out.null("value")
            return
        lib.Rf_protect(value)
        try:
            if nargout > 1:
                self._several(value, nargout, fields, out)
                return
            if fields.get("keep"):
                self._handle(value, "value", out)
            else:
                try:
                    out.value(value, "value")
                except ConversionError as error:
                    raise error.prepend(".value") from None
        finally:
            lib.Rf_unprotect(1)

    def _several(self, value: Any, nargout: int, fields: dict[str, Any], out: Writer) -> None:
        """The first elements of a list, for ``nargout``."""
        if value.sxpinfo.type != VECSXP or lib.Rf_xlength(value) < nargout:
            raise InvalidArgument(
                f"nargout={nargout} asks for {nargout} values, but this R function did not return a list "
                "of that many; leave nargout out",
                executed="yes",
            )
        out.open(codes.LIST, "values", nargout, codes.LIST_FORCED)
        for i in range(nargout):
            if fields.get("keep"):
                self._handle(lib.VECTOR_ELT(value, i), "", out)
            else:
                out.value(lib.VECTOR_ELT(value, i))

    def _eval(self, fields: dict[str, Any], out: Writer) -> None:
        self._deliver(self._run_call(self._evaluate, self._parsed(fields["code"], False)), fields, out)

    def _parsed(self, code: str, keep: bool) -> Any:
        text = lib.Rf_protect(rapi.make_text(code))
        call = lib.Rf_protect(lib.Rf_lang3(self._f["parse_code"], text, lib.Rf_ScalarLogical(int(keep))))
        try:
            return self._run_call(self._evaluate, call)
        finally:
            lib.Rf_unprotect(2)

    def _run(self, fields: dict[str, Any], out: Writer) -> None:
        parsed = lib.Rf_protect(self._parsed(fields["code"], True))
        try:
            for i in range(lib.Rf_xlength(parsed)):
                self._run_call(self._evaluate_print, lib.VECTOR_ELT(parsed, i))
        finally:
            lib.Rf_unprotect(1)
        out.null("value")

    def _get(self, fields: dict[str, Any], out: Writer) -> None:
        finder = "get_function" if fields.get("function") else "get_variable"
        self._deliver(self._ask(finder, fields["name"]), fields, out)

    def _set(self, fields: dict[str, Any], out: Writer) -> None:
        if not fields["name"]:
            raise NameNotFound("a variable needs a name")
        lib.Rf_defineVar(rapi.symbol(fields["name"]), lib.VECTOR_ELT(fields["value"], 0), lib.R_GlobalEnv)
        out.null("value")

    def _delete(self, fields: dict[str, Any], out: Writer) -> None:
        self._ask("delete_variable", fields["name"])
        out.null("value")

    def _exists(self, fields: dict[str, Any], out: Writer) -> None:
        name = fields["name"]
        found = (
            bool(name) and lib.Rf_findVarInFrame3(lib.R_GlobalEnv, rapi.symbol(name), 0) != lib.R_UnboundValue
        )
        out.flag("value", found)

    def _list(self, fields: dict[str, Any], out: Writer) -> None:
        out.texts("value", rapi.texts_of(self._ask("list_variables")))

    def _what(self, fields: dict[str, Any]) -> Any:
        """The target of a request: a handle's object, or a name as text."""
        if fields.get("target") is not None:
            return self._handles.find(_handle_id(fields["target"]))
        return fields.get("name", "")

    def _attr(self, fields: dict[str, Any], out: Writer) -> None:
        what = self._what(fields)
        self._deliver(
            self._ask(
                "attribute_of" if isinstance(what, str) else "get_attribute", what, fields["attribute"]
            ),
            fields,
            out,
        )

    def _index(self, fields: dict[str, Any], out: Writer) -> None:
        self._deliver(self._ask("index_of", self._what(fields), fields["args"]), fields, out)

    def _setattr(self, fields: dict[str, Any], out: Writer) -> None:
        target = _handle_id(fields["target"])
        changed = self._ask(
            "set_attribute",
            self._handles.find(target),
            fields["attribute"],
            lib.VECTOR_ELT(fields["value"], 0),
        )
        if changed != self._handles.find(target):
            self._handles.replace(target, changed)
        out.null("value")

    def _show(self, fields: dict[str, Any], out: Writer) -> None:
        found = self._ask("shown", self._what(fields))
        out.text("value", rapi.texts_of(found)[0])

    def _names(self, fields: dict[str, Any], out: Writer) -> None:
        out.texts("value", rapi.texts_of(self._ask("names_of", self._what(fields), fields.get("prefix", ""))))

    def _describe(self, fields: dict[str, Any], out: Writer) -> None:
        found = lib.Rf_protect(
            self._ask("describe", self._what(fields), "brief" if fields.get("brief") else "")
        )
        try:
            out.open(codes.MAPPING, "value", 5)
            for i, key in enumerate(("name", "kind", "doc", "signature")):
                out.text(key, rapi.texts_of(lib.VECTOR_ELT(found, i))[0])
            parameters = lib.VECTOR_ELT(found, 4)
            out.open(codes.LIST, "parameters", lib.Rf_xlength(parameters))
            for i in range(lib.Rf_xlength(parameters)):
                one = lib.VECTOR_ELT(parameters, i)
                out.open(codes.MAPPING, "", 3)
                out.text("name", rapi.texts_of(lib.VECTOR_ELT(one, 0))[0])
                out.text("kind", rapi.texts_of(lib.VECTOR_ELT(one, 1))[0])
                default = rapi.texts_of(lib.VECTOR_ELT(one, 2)) if lib.Rf_xlength(one) > 2 else []
                if default:
                    out.text("default", default[0])
                else:
                    out.null("default")
        finally:
            lib.Rf_unprotect(1)

    def _ping(self, fields: dict[str, Any], out: Writer) -> None:
        out.null("value")

    def _settle(self, fields: dict[str, Any], out: Writer) -> None:
        with self.signal_lock:
            self.take_signals()
            self._interrupted = False
            lib.R_interrupts_pending = 0
        out.null("value")


def _inlined(x: Any) -> bool:
    """Whether a value is short enough to stand in a call as it is."""
    kind = x.sxpinfo.type
    if kind == rapi.NILSXP:
        return True
    return kind in _SIMPLE and lib.Rf_xlength(x) <= _INLINE and lib.ATTRIB(x) == lib.R_NilValue


def _handle_id(target: Any) -> str:
    """The id in a request's ``target``."""
    if isinstance(target, str):
        return target
    raise ProtocolError("malformed message: 'target' is no handle")
