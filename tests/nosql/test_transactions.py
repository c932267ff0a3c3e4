"""What DocumentStore asks of a replica set, and what it makes of its answers: users, transactions, faults.

The server is scripted: no program that has these is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.nosql.scripted import Answer, Scripted, scripted

from arcuate.connector import AuthenticationError, ConnectionError, IntegrationError  # noqa: A004
from arcuate.errors import InvalidArgument
from arcuate.nosql import DocumentStore

QUICK = {"retry": {"attempts": 3, "initial": 0.01, "jitter": 0}, "timeouts": {"connect": 2.0}}


@contextmanager
def connected(answer: Answer, user: str = "", **more: Any) -> Iterator[tuple[DocumentStore, Scripted]]:
    with scripted(answer) as server:
        url = f"mongodb://{user}127.0.0.1:{server.port}/work?retryWrites=false"
        with DocumentStore(url=url, **QUICK, **more) as db:
            yield db, server


def good(name: str, command: dict[str, Any]) -> dict[str, Any] | None:
    return {"ok": 1, "n": len(command.get("documents", [1])), "nModified": 1}


def test_a_transaction_is_one() -> None:
    with connected(good) as (db, server):
        with db.transaction():
            db.insert("c", [{"_id": 1}, {"_id": 2}])
            db.update("c", {"_id": 1}, {"$set": {"a": 1}})
            with pytest.raises(InvalidArgument, match="no inner ones"), db.transaction():
                pass
        db.insert("c", {"_id": 3})
    (a, first), (b, second), (c, third), (d, after) = server.asked
    assert [a, b, c, d] == ["insert", "update", "commitTransaction", "insert"]
    assert first["startTransaction"] is True
    assert "startTransaction" not in second
    assert first["lsid"] == second["lsid"] == third["lsid"]
    assert first["txnNumber"] == second["txnNumber"] == third["txnNumber"]
    assert first["autocommit"] is second["autocommit"] is third["autocommit"] is False
    assert "autocommit" not in after


def test_what_fails_inside_ends_it() -> None:
    with connected(good) as (db, server):
        with pytest.raises(RuntimeError, match="ours"), db.transaction():
            db.delete("c", {"_id": 1})
            raise RuntimeError("ours")
        assert [name for name, _ in server.asked] == ["delete", "abortTransaction"]
        db.insert("c", {"_id": 3})
        assert "autocommit" not in server.asked[-1][1]


def test_a_commit_whose_answer_is_lost_may_have_happened() -> None:
    def answer(name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        return None if name == "commitTransaction" else good(name, command)

    with connected(answer) as (db, server), pytest.raises(ConnectionError) as caught, db.transaction():
        db.insert("c", {"_id": 1})
    assert caught.value.executed == "maybe"
    assert not caught.value.recoverable
    assert [name for name, _ in server.asked].count("insert") == 1


def test_a_conflict_is_carried_out_again() -> None:
    conflicts = iter([True, False])

    def answer(name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        if name == "update" and next(conflicts):
            return {
                "ok": 0,
                "code": 112,
                "errmsg": "Write conflict",
                "errorLabels": ["TransientTransactionError"],
            }
        return good(name, command)

    done = []
    with connected(answer) as (db, server):

        def work(store: DocumentStore) -> str:
            done.append(store.update("c", {"_id": 1}, {"$inc": {"n": 1}}).matched)
            return "done"

        assert db.in_transaction(work) == "done"
    assert done == [1]
    names = [name for name, _ in server.asked]
    assert names == ["update", "abortTransaction", "update", "commitTransaction"]
    assert server.asked[0][1]["txnNumber"] != server.asked[2][1]["txnNumber"]


def test_a_wrong_password() -> None:
    def answer(name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        return {"ok": 0, "code": 18, "codeName": "AuthenticationFailed", "errmsg": "Authentication failed."}

    with connected(answer, user="someone:s3cret-word@") as (db, server):
        with pytest.raises(AuthenticationError, match="user and the password") as caught:
            db.find("c")
        assert not caught.value.recoverable
        assert caught.value.status == 18
        assert db.health().status == "down"
        assert "s3cret-word" not in repr(db) + str(caught.value) + db.health().detail
    assert {name for name, _ in server.asked} == {"saslStart"}


def test_a_write_whose_answer_is_lost_is_not_repeated() -> None:
    def answer(name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        return None

    with connected(answer) as (db, server):
        with pytest.raises(ConnectionError, match="look whether it was done") as caught:
            db.insert("c", {"_id": 1})
        assert caught.value.executed == "maybe"
        assert caught.value.recoverable
        assert len(server.asked) == 1
        with pytest.raises(ConnectionError):
            db.find("c")
        assert [name for name, _ in server.asked] == ["insert", "find", "find", "find"]


def test_what_a_server_refuses_because_it_changes_is_sent_again() -> None:
    answers = iter(
        [{"ok": 0, "code": 10107, "errmsg": "not primary"}, {"ok": 1, "n": 1}, {"ok": 1, "n": 1}],
    )

    with connected(lambda name, command: next(answers)) as (db, server):
        db.insert("c", {"_id": 1})
    assert [name for name, _ in server.asked] == ["insert", "insert"]


def test_what_of_a_bulk_was_done() -> None:
    def answer(name: str, command: dict[str, Any]) -> dict[str, Any] | None:
        if name != "insert":
            return good(name, command)
        text = 'E11000 duplicate key error collection: work.c index: a dup key: { a: "hidden words" }'
        return {"ok": 1, "n": 1, "writeErrors": [{"index": 1, "code": 11000, "errmsg": text}]}

    with (
        connected(answer) as (db, _),
        pytest.raises(IntegrationError, match=r"number 2 \(from 0\)") as caught,
    ):
        db.bulk(
            "c", [("delete", {"_id": 7}), ("insert", {"a": 1}), ("insert", {"a": 2}), ("insert", {"a": 3})]
        )
    detail = caught.value.detail
    assert (detail["deleted"], detail["inserted"]) == (1, 1)
    assert [(one["index"], one["code"]) for one in detail["failed"]] == [(2, 11000)]
    assert "hidden words" not in str(caught.value) + str(detail)
    assert caught.value.executed == "yes"
