"""The connector of databases that speak MongoDB's protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import Any, ClassVar, TypeVar

import pandas as pd
import pyarrow as pa
from typing_extensions import Self

from arcuate.connector import Connector, IntegrationError, redacted
from arcuate.connector.scope import Scope
from arcuate.connector.tables import to_pandas
from arcuate.errors import ArcuateError, InvalidArgument, Unsupported
from arcuate.nosql.settings import DocumentConfig, client_of, database_of

# pymongo is there, or the settings have said what to install.
import pymongo  # isort: skip
import bson  # isort: skip

from arcuate.nosql.columns import batch_of_documents, documents_of
from arcuate.nosql.faults import translated, translating
from arcuate.nosql.typed import CODEC, document_of, to_bson
from arcuate.values.record import record

__all__ = ["Changed", "DocumentConfig", "DocumentStore"]

T = TypeVar("T")
Document = dict[str, Any]
Query = Mapping[str, Any] | None
Sort = Mapping[str, int] | Sequence[tuple[str, int]] | None
Operation = tuple[Any, ...]
_CHUNK = 1000


@record(frozen=True)
class Changed:
    """What a writing request did.

    Attributes:
        inserted: documents that were added.
        matched: documents that the filters met.
        modified: documents that are another now.
        deleted: documents that are gone.
        upserted: identifiers of documents that were added because none was met.
    """

    inserted: int = 0
    matched: int = 0
    modified: int = 0
    deleted: int = 0
    upserted: tuple[Any, ...] = ()


class DocumentStore(Connector):
    """Collections of documents.

    Reading is repeated when the connection breaks. Writing is not, beyond what MongoDB's own protocol makes
    safe (retryable writes of replica sets): then the error's ``executed`` is "maybe".

    Args:
        config: a configuration, or a mapping with a ``url``.
        **arguments: settings of :class:`DocumentConfig`.
    """

    Config = DocumentConfig
    default_name: ClassVar[str] = "documents"

    def __init__(self, config: DocumentConfig | Mapping[str, Any] | None = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._database = self.config.database or database_of(self.config.url)
        self._client: pymongo.MongoClient[Document] | None = None
        self._mine: Scope[Any] = Scope()

    # --- Life

    def _open(self) -> None:
        with self._translating():
            self._client = client_of(self.config)

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _check(self) -> Mapping[str, Any]:
        with self._translating():
            self.client.admin.command("ping")
            facts = self.client.admin.command("buildInfo")
        return {"version": str(facts.get("version", "")), "database": self._database}

    @property
    def client(self) -> pymongo.MongoClient[Document]:
        """The library's own client, for what is not here; its errors are its own."""
        self.open()
        assert self._client is not None
        return self._client

    def _translating(self, executed: str = "no") -> Any:
        return translating(self.name, self.conceal, executed=executed)

    def _in(self, collection: Any) -> Any:
        if not isinstance(collection, str) or not collection:
            raise InvalidArgument(f"a collection's name is text; got {collection!r}")
        with self._translating():
            return self.client[self._database].get_collection(collection, codec_options=CODEC)

    @property
    def _session(self) -> Any:
        """The session of the transaction that is carried out here."""
        return self._mine.get()

    # --- One request

    def _read(self, name: str, asked: Any, work: Callable[[], T]) -> T:
        """Carries out what only reads; the last good answer may stand for it."""

        def attempt() -> T:
            with self._translating():
                return self._checked(work)

        if self._session is not None:
            return attempt()
        policy = self.config.fallback
        if policy is None or policy.kind != "cache":
            return self.resilience.run(attempt, name=name, repeatable=True, fallback=True).value
        digest = hashlib.sha256(repr(asked).encode()).hexdigest()
        kept = self.resilience.run(
            lambda: bson.encode({"value": to_bson(attempt(), "a result")}, codec_options=CODEC),
            name=name,
            repeatable=True,
            key=f"{redacted(self.config.url)} {self.config.username} {self._database} {name} {digest}",
        ).value
        found: T = bson.decode(kept, CODEC)["value"]
        return found

    def _write(self, name: str, work: Callable[[], T]) -> T:
        """Carries out what may not be repeated once it was sent. No fallback stands for it."""
        sent: list[IntegrationError] = []

        def attempt() -> T:
            try:
                with self._translating("maybe"):
                    return work()
            except IntegrationError as error:
                if error.recoverable and (error.executed != "no" or self._session is not None):
                    sent.append(error)
                    error.recoverable = False  # for now: not repeated
                raise

        try:
            return self.resilience.run(attempt, name=name, repeatable=True, fallback=False).value
        except IntegrationError as error:
            error.recoverable = error.recoverable or error in sent
            raise

    # --- Reading

    def _cursor(
        self,
        collection: str,
        query: Query,
        fields: Mapping[str, Any] | Sequence[str] | None,
        sort: Sort,
        skip: int,
        limit: int,
        batch: int = 0,
    ) -> Any:
        order = list(sort.items()) if isinstance(sort, Mapping) else list(sort or ()) or None
        shown = fields if fields is None or isinstance(fields, Mapping) else list(fields)
        return self._in(collection).find(
            document_of(query or {}, "the filter"),
            shown,
            sort=order,
            skip=skip,
            limit=limit,
            batch_size=batch,
            session=self._session,
        )

    def find(
        self,
        collection: str,
        query: Query = None,
        *,
        fields: Mapping[str, Any] | Sequence[str] | None = None,
        sort: Sort = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """The documents that a filter meets.

        Args:
            collection: its name.
            query: MongoDB's filter; left out: all.
            fields: names, or MongoDB's projection.
            sort: names with 1 or -1.
            skip: leaves so many out at the beginning.
            limit: so many at most; 0: all.
        """
        asked = (collection, query, fields, sort, skip, limit)
        return self._read("find", asked, lambda: self._list(self._cursor(*asked)))

    @staticmethod
    def _list(cursor: Any) -> list[Document]:
        with cursor:
            return list(cursor)

    def find_one(
        self,
        collection: str,
        query: Query = None,
        *,
        fields: Mapping[str, Any] | Sequence[str] | None = None,
        sort: Sort = None,
    ) -> Document | None:
        """The first document that a filter meets; ``None``: there is none."""
        found = self.find(collection, query, fields=fields, sort=sort, limit=1)
        return found[0] if found else None

    def find_arrow(
        self, collection: str, query: Query = None, *, schema: pa.Schema | None = None, **options: Any
    ) -> pa.Table:
        """As :meth:`find`, as an Arrow table; see :mod:`arcuate.nosql.columns`.

        Args:
            collection: its name.
            query: MongoDB's filter.
            schema: of the columns; left out: what the documents say.
            **options: of :meth:`find`.
        """
        return pa.Table.from_batches([batch_of_documents(self.find(collection, query, **options), schema)])

    def find_table(self, collection: str, query: Query = None, **options: Any) -> pd.DataFrame:
        """As :meth:`find_arrow`, as a pandas table whose columns keep null apart from NaN."""
        return to_pandas(self.find_arrow(collection, query, **options))

    def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """The documents that a pipeline makes. With ``$out`` or ``$merge`` it is not repeated."""
        stages = self._stages(pipeline)

        def work() -> list[Document]:
            return self._list(self._in(collection).aggregate(stages, session=self._session))

        if any(name in ("$out", "$merge") for stage in stages for name in stage):
            return self._write("aggregate", work)
        return self._read("aggregate", (collection, stages), work)

    def aggregate_arrow(
        self,
        collection: str,
        pipeline: Sequence[Mapping[str, Any]],
        *,
        schema: pa.Schema | None = None,
    ) -> pa.Table:
        """As :meth:`aggregate`, as an Arrow table."""
        return pa.Table.from_batches([batch_of_documents(self.aggregate(collection, pipeline), schema)])

    @staticmethod
    def _stages(pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        if isinstance(pipeline, (str, bytes, Mapping)):
            raise InvalidArgument(f"a pipeline is a list of stages; got {type(pipeline).__name__}")
        return [document_of(one, f"stage {i}") for i, one in enumerate(pipeline, 1)]

    def count(self, collection: str, query: Query = None) -> int:
        """How many documents a filter meets."""
        asked = document_of(query or {}, "the filter")
        return self._read(
            "count",
            (collection, asked),
            lambda: int(self._in(collection).count_documents(asked, session=self._session)),
        )

    def distinct(self, collection: str, field: str, query: Query = None) -> list[Any]:
        """The different values of a field."""
        asked = document_of(query or {}, "the filter")
        return self._read(
            "distinct",
            (collection, field, asked),
            lambda: list(self._in(collection).distinct(field, asked, session=self._session)),
        )

    # --- Streams

    def stream(
        self, collection: str, query: Query = None, *, size: int = _CHUNK, **options: Any
    ) -> Iterator[Document]:
        """The documents of a large result, fetched by so many. Nothing is repeated once it has begun.

        Args:
            collection: its name.
            query: MongoDB's filter.
            size: of what is fetched at once.
            **options: ``fields``, ``sort``, ``skip`` and ``limit`` of :meth:`find`.
        """
        return chain.from_iterable(self.stream_pages(collection, query, size=size, **options))

    def stream_pages(
        self, collection: str, query: Query = None, *, size: int = _CHUNK, **options: Any
    ) -> Iterator[list[Document]]:
        """As :meth:`stream`, as lists of so many."""
        if size < 1:
            raise InvalidArgument(f"size is 1 or more; got {size}")
        given = {"fields": None, "sort": None, "skip": 0, "limit": 0, **options}
        if len(given) > 4:
            raise InvalidArgument(f"there are the options fields, sort, skip, limit; got {sorted(options)}")
        with self._checked(self._cursor, collection, query, batch=size, **given) as cursor:
            while True:
                with self._translating():
                    page = list(islice(cursor, size))
                if page:
                    yield page
                if len(page) < size:
                    return

    def stream_arrow(
        self,
        collection: str,
        query: Query = None,
        *,
        rows: int = 10_000,
        schema: pa.Schema | None = None,
        **options: Any,
    ) -> Iterator[pa.RecordBatch]:
        """As :meth:`stream`, as batches of Arrow; all have the columns of the first, or those of ``schema``.

        Raises:
            DataError: a later document has another field, or a value of another type.
        """
        first = 0
        for page in self.stream_pages(collection, query, size=rows, **options):
            batch = batch_of_documents(page, schema, first)
            schema, first = batch.schema, first + len(page)
            yield batch
        if not first:
            yield batch_of_documents([], schema)

    # --- Writing

    def insert(self, collection: str, documents: Any) -> list[Any]:
        """Adds documents, in pieces of 1,000.

        Args:
            collection: its name; it is made if there is none.
            documents: one mapping, several one after the other, or a table of Arrow or pandas.

        Returns:
            Their identifiers. Documents without ``_id`` get one; those that were given are not changed.

        Raises:
            IntegrationError: one could not be added; ``detail["inserted"]`` says how many were.
            ConversionError: MongoDB has no such value; with ``executed`` "yes" pieces before it were added.
        """
        given = [documents] if isinstance(documents, Mapping) else documents
        if isinstance(given, (str, bytes)) or not isinstance(given, (Iterable, pa.Table, pd.DataFrame)):
            raise InvalidArgument(
                f"documents are mappings, or a table of Arrow or pandas; got {type(documents).__name__}"
            )
        made = (document_of(one, f"document {i}") for i, one in enumerate(documents_of(given), 1))
        target, found = self._in(collection), list[Any]()
        while True:
            try:
                chunk = list(islice(made, _CHUNK))
            except ArcuateError as error:
                if found:
                    error.message += f"; the first {len(found):,} documents were added"
                    error.executed = "yes"
                raise
            if not chunk:
                return found
            try:
                done = self._write("insert", partial(target.insert_many, chunk, session=self._session))
            except IntegrationError as error:
                detail = error.detail if isinstance(error.detail, dict) else {}
                error.detail = {**detail, "inserted": len(found) + detail.get("inserted", 0)}
                raise
            found += done.inserted_ids

    def update(
        self,
        collection: str,
        query: Mapping[str, Any],
        change: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        many: bool = False,
        upsert: bool = False,
    ) -> Changed:
        """Changes documents by MongoDB's operators, such as ``{"$set": {...}}``.

        Args:
            collection: its name.
            query: which; an empty filter meets every document.
            change: the operators, or a pipeline of them.
            many: all that the filter meets, instead of the first.
            upsert: adds one when there is none.
        """
        target = self._in(collection)
        method = target.update_many if many else target.update_one
        asked, made = document_of(query, "the filter"), to_bson(change, "the change")
        done = self._write(
            "update", lambda: self._checked(method, asked, made, upsert=upsert, session=self._session)
        )
        return _changed(done)

    def replace(
        self, collection: str, query: Mapping[str, Any], document: Mapping[str, Any], *, upsert: bool = False
    ) -> Changed:
        """Puts a document in the place of the first that a filter meets."""
        target = self._in(collection)
        asked, made = document_of(query, "the filter"), document_of(document)
        done = self._write(
            "replace",
            lambda: self._checked(target.replace_one, asked, made, upsert=upsert, session=self._session),
        )
        return _changed(done)

    def delete(self, collection: str, query: Mapping[str, Any], *, many: bool = False) -> int:
        """Deletes the first document that a filter meets, or all; how many there were."""
        target = self._in(collection)
        method = target.delete_many if many else target.delete_one
        asked = document_of(query, "the filter")
        return int(self._write("delete", lambda: method(asked, session=self._session)).deleted_count)

    def bulk(self, collection: str, operations: Iterable[Operation], *, ordered: bool = True) -> Changed:
        """Many writing operations in one request.

        Args:
            collection: its name.
            operations: tuples ``("insert", document)``, ``("update", filter, change)``, ``("update_many",
                filter, change)``, ``("upsert", filter, change)``, ``("replace", filter, document)``,
                ``("delete", filter)``, ``("delete_many", filter)``.
            ordered: the first that fails ends it; otherwise the others are carried out all the same.

        Raises:
            IntegrationError: some failed; ``detail`` says which, and what was done.
        """
        made = [self._operation(number, one) for number, one in enumerate(operations)]
        if not made:
            return Changed()
        done = self._write(
            "bulk",
            lambda: self._in(collection).bulk_write(made, ordered=ordered, session=self._session),
        )
        return Changed(
            done.inserted_count,
            done.matched_count,
            done.modified_count,
            done.deleted_count,
            tuple((done.upserted_ids or {}).values()),
        )

    def _operation(self, number: int, operation: Any) -> Any:
        known = isinstance(operation, tuple) and operation and operation[0] in _OPERATIONS
        kind, parts = _OPERATIONS[operation[0]] if known else (None, 0)
        if kind is None or len(operation) != parts + 1:
            raise InvalidArgument(
                f"operation {number} is none of {', '.join(_OPERATIONS)}, with what it needs, as a tuple"
            )
        given = [to_bson(one, f"operation {number}") for one in operation[1:]]
        return self._checked(kind, *given, **({"upsert": True} if operation[0] == "upsert" else {}))

    def _checked(self, method: Callable[..., T], *given: Any, **options: Any) -> T:
        """Pymongo looks at the form of a request itself, and says so by a ValueError or TypeError."""
        try:
            return method(*given, **options)
        except ArcuateError:
            raise
        except (ValueError, TypeError) as error:
            raise InvalidArgument(f"{self.name}: {self.conceal(error)}") from None

    def create_index(self, collection: str, keys: Mapping[str, Any], *, unique: bool = False) -> str:
        """Makes an index, unless it is there; its name.

        Args:
            collection: its name.
            keys: fields with 1, -1, or a kind such as "text".
            unique: no two documents have the same values.
        """
        target = self._in(collection)
        options = {"unique": True} if unique else {}
        return str(self._write("create_index", lambda: target.create_index(list(keys.items()), **options)))

    def drop(self, collection: str) -> None:
        """Deletes a collection with all its documents; nothing happens if there is none."""
        self._write("drop", lambda: self._in(collection).drop(session=self._session))

    def collections(self) -> list[str]:
        """The names of the collections."""
        return self._read(
            "collections", (), lambda: sorted(self.client[self._database].list_collection_names())
        )

    # --- Transactions

    def _need_transactions(self) -> None:
        self._read("ping", (), lambda: dict(self.client.admin.command("ping")))
        known = self.client.topology_description.server_descriptions().values()
        if {one.server_type_name for one in known} == {"Standalone"}:
            raise Unsupported(
                f"{self.name}: this server stands alone and has no transactions; those of replica sets and "
                "sharded clusters have them"
            )

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """All that is done inside is kept together, or nothing of it. It has no inner ones.

        Other threads and tasks are no part of it; what ``asyncio.to_thread`` does for it is.

        Raises:
            Unsupported: the server has none.
            IntegrationError: the server gave it up; nothing was kept. With ``executed`` "maybe", the
                connection was lost while it was committed.
        """
        if self._session is not None:
            raise InvalidArgument(f"{self.name}: a transaction has no inner ones")
        self._need_transactions()
        with self._translating():
            session = self.client.start_session()
        with session:
            with self._translating():
                session.start_transaction()
            with self._mine.holding(session):
                try:
                    yield self
                except BaseException:
                    with self._translating():
                        session.abort_transaction()
                    raise
            self._commit(session)

    def _commit(self, session: Any) -> None:
        try:
            session.commit_transaction()
        except pymongo.errors.PyMongoError as error:
            found = translated(error, self.name, self.conceal, executed="maybe")
            if isinstance(found, IntegrationError) and error.has_error_label(
                "UnknownTransactionCommitResult"
            ):
                found.executed, found.recoverable = "maybe", False
            raise found from error

    def in_transaction(self, work: Callable[[Self], T]) -> T:
        """Carries work out as one transaction, again from its start when the server gave it up.

        Args:
            work: is called with this connector; what it does outside of the database is repeated too.
        """

        def attempt() -> T:
            with self.transaction():
                return work(self)

        return self.resilience.run(attempt, name="transaction", repeatable=True, fallback=False).value


_OPERATIONS: dict[str, tuple[Any, int]] = {
    "insert": (pymongo.InsertOne, 1),
    "update": (pymongo.UpdateOne, 2),
    "update_many": (pymongo.UpdateMany, 2),
    "upsert": (pymongo.UpdateOne, 2),
    "replace": (pymongo.ReplaceOne, 2),
    "delete": (pymongo.DeleteOne, 1),
    "delete_many": (pymongo.DeleteMany, 1),
}
"""Name: pymongo's operation, and how many documents it takes."""


def _changed(done: Any) -> Changed:
    upserted = () if done.upserted_id is None else (done.upserted_id,)
    return Changed(0, done.matched_count, done.modified_count, 0, upserted)
