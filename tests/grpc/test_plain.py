"""The plain calls, made by stubs that grpc_tools generates from protos/ alone."""

from __future__ import annotations

import re
import struct
import threading
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from tests.grpc.conftest import ROOT

from arcuate.grpc.status import CODES
from arcuate.v1 import ErrorCode


@pytest.fixture
def pb(generated: Any) -> Any:
    return generated.session_pb2


@pytest.fixture
def value(generated: Any) -> Any:
    """Values written by hand."""
    v = generated.value_pb2

    def make(one: Any) -> Any:
        if one is None:
            return v.Value(kind=v.KIND_NULL)
        if isinstance(one, bool):
            return v.Value(kind=v.KIND_BOOL, boolean=one)
        if isinstance(one, int):
            return v.Value(kind=v.KIND_INT, integer=one)
        if isinstance(one, float):
            return v.Value(kind=v.KIND_FLOAT, real=one)
        if isinstance(one, str):
            return v.Value(kind=v.KIND_TEXT, text=one)
        assert isinstance(one, list)
        return v.Value(
            kind=v.KIND_ARRAY,
            dtype=v.DTYPE_F8,
            shape=[len(one)],
            data=struct.pack(f"<{len(one)}d", *one),
        )

    return make


@pytest.fixture
def session(stubs: Any, pb: Any) -> Any:
    """The scope of a session of the test's own."""
    greeting = stubs.sessions.Open(pb.OpenRequest(environment="python")).greeting
    scope = pb.Scope(session=greeting.session, secret=greeting.secret)
    yield scope
    try:
        stubs.sessions.Close(pb.CloseRequest(scope=scope))
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def details(error: grpc.RpcError, generated: Any) -> tuple[Any, Any]:
    """The arcuate.v1.Error and the google.rpc.ErrorInfo of a failed call."""
    metadata = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    first, second = status.details
    assert first.type_url == "type.googleapis.com/arcuate.v1.Error"
    info = error_details_pb2.ErrorInfo()
    assert second.Unpack(info)
    assert info.domain == "arcuate"
    return generated.error_pb2.Error.FromString(first.value), info


def test_environments_and_their_functions(stubs: Any, generated: Any) -> None:
    env = generated.environment_pb2
    found = stubs.environments.ListEnvironments(env.ListEnvironmentsRequest()).environments
    python = next(one for one in found if one.name == "python")
    assert (python.language, python.eval) == ("Python", True)
    told = stubs.environments.Describe(env.DescribeRequest(environment="python", name="math.hypot"))
    assert told.kind == "function"
    assert "Euclidean" in told.doc
    told = stubs.environments.Describe(env.DescribeRequest(environment="python", name="textwrap.indent"))
    assert [(one.name, one.default_source) for one in told.parameters][-1] == ("predicate", "None")
    assert not told.parameters[0].HasField("default_source")
    names = stubs.environments.ListNames(
        env.ListNamesRequest(environment="python", package="math", prefix="hy")
    )
    assert list(names.names) == ["hypot"]


def test_a_call_without_a_session(stubs: Any, pb: Any, value: Any) -> None:
    scope = pb.Scope(environment="python")
    found = stubs.sessions.Call(pb.CallRequest(scope=scope, name="math.hypot", args=[value(3.0), value(4.0)]))
    assert found.value == value(5.0)
    found = stubs.sessions.Eval(pb.EvalRequest(scope=scope, code="6 * 7"))
    assert found.value == value(42)


def test_named_arguments_and_arrays(stubs: Any, pb: Any, value: Any) -> None:
    request = pb.CallRequest(scope=pb.Scope(environment="python"), name="numpy.cumsum")
    request.named.add(name="a", value=value([1.0, 2.0, 3.5]))
    found = stubs.sessions.Call(request).value
    assert list(found.shape) == [3]
    assert struct.unpack("<3d", found.data) == (1.0, 3.0, 6.5)


def test_variables_of_a_session(stubs: Any, pb: Any, value: Any, session: Any) -> None:
    stubs.sessions.SetVariable(pb.SetVariableRequest(scope=session, name="x", value=value("één")))
    assert list(stubs.sessions.ListVariables(pb.ListVariablesRequest(scope=session)).names) == ["x"]
    got = stubs.sessions.GetVariable(pb.GetVariableRequest(scope=session, name="x"))
    assert got.value == value("één")
    stubs.sessions.DeleteVariable(pb.DeleteVariableRequest(scope=session, name="x"))
    assert not stubs.sessions.ListVariables(pb.ListVariablesRequest(scope=session)).names


def test_output_arrives_while_code_runs(stubs: Any, pb: Any, session: Any) -> None:
    code = "import sys\nprint('one', flush=True)\nprint('two', file=sys.stderr)"
    got = [response.event for response in stubs.sessions.Run(pb.RunRequest(scope=session, code=code))]
    text = {
        kind: "".join(getattr(e, kind).text for e in got if e.HasField(kind)) for kind in ("stdout", "stderr")
    }
    assert text == {"stdout": "one\n", "stderr": "two\n"}


def test_events_of_a_call(stubs: Any, pb: Any, session: Any) -> None:
    found = stubs.sessions.Eval(pb.EvalRequest(scope=session, code="print('said') or 1"))
    assert "".join(event.stdout.text for event in found.events) == "said\n"


def test_progress_of_a_call(stubs: Any, pb: Any, session: Any) -> None:
    code = "from arcuate.python import progress\nprogress(0.25, 'a quarter')"
    got = [response.event for response in stubs.sessions.Run(pb.RunRequest(scope=session, code=code))]
    assert [(one.progress.fraction, one.progress.text) for one in got] == [(0.25, "a quarter")]


def test_more_than_one_result(stubs: Any, pb: Any, value: Any, session: Any) -> None:
    found = stubs.sessions.Eval(pb.EvalRequest(scope=session, code="(1, 'a')", nargout=2))
    assert list(found.values) == [value(1), value("a")]


def test_a_handle_is_called_and_released(stubs: Any, pb: Any, value: Any, session: Any) -> None:
    kept = stubs.sessions.Eval(pb.EvalRequest(scope=session, code="lambda x: x + 1", keep=True)).value
    found = stubs.sessions.Call(pb.CallRequest(scope=session, target=kept, args=[value(2)]))
    assert found.value == value(3)
    stubs.sessions.Release(pb.ReleaseRequest(scope=session, handles=[kept.text]))
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Call(pb.CallRequest(scope=session, target=kept, args=[value(2)]))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_interrupt(stubs: Any, pb: Any, generated: Any, session: Any) -> None:
    running = threading.Event()
    code = "print('begun', flush=True)\nimport time\nwhile True: time.sleep(0.01)"
    stream = stubs.sessions.Run(pb.RunRequest(scope=pb.Scope(
        session=session.session, secret=session.secret, call=77), code=code))  # fmt: skip
    assert next(stream).event.stdout.text.startswith("begun")
    running.set()
    which = pb.Scope(session=session.session, secret=session.secret, call=77)
    stubs.sessions.Interrupt(pb.InterruptRequest(scope=which))
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    error, _ = details(caught.value, generated)
    assert error.code == generated.error_pb2.ERROR_CODE_CALL_CANCELLED
    assert stubs.sessions.Eval(pb.EvalRequest(scope=session, code="1")).value.integer == 1


def test_a_call_that_its_client_cancels_is_interrupted(stubs: Any, pb: Any, session: Any) -> None:
    code = "print('begun', flush=True)\nimport time\nwhile True: time.sleep(0.01)"
    stream = stubs.sessions.Run(pb.RunRequest(scope=session, code=code))
    next(stream)
    stream.cancel()
    found = stubs.sessions.Eval(pb.EvalRequest(scope=session, code="2"), timeout=20)
    assert found.value.integer == 2


def test_a_deadline_interrupts(stubs: Any, pb: Any, session: Any) -> None:
    request = pb.EvalRequest(scope=session, code="__import__('time').sleep(60)")
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Eval(request, timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    found = stubs.sessions.Eval(pb.EvalRequest(scope=session, code="2"), timeout=20)
    assert found.value.integer == 2


def test_restart_and_close(stubs: Any, pb: Any, session: Any) -> None:
    stubs.sessions.Eval(pb.EvalRequest(scope=session, code="globals().update(y=1)"))
    assert stubs.sessions.Restart(pb.RestartRequest(scope=session)).greeting.generation == 2
    assert not stubs.sessions.ListVariables(pb.ListVariablesRequest(scope=session)).names
    stubs.sessions.Close(pb.CloseRequest(scope=session))
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Eval(pb.EvalRequest(scope=session, code="2"))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_a_remote_error_has_its_stack_in_the_details(stubs: Any, pb: Any, generated: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Eval(pb.EvalRequest(scope=pb.Scope(environment="python"), code="1 / 0"))
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    error, info = details(caught.value, generated)
    assert info.reason == "REMOTE_ERROR"
    assert error.classes[0] == "ZeroDivisionError"
    assert error.language == "Python"
    assert error.stack
    assert error.executed == generated.error_pb2.EXECUTED_YES


def test_a_long_error_still_fits_the_metadata(stubs: Any, pb: Any, generated: Any) -> None:
    code = "(lambda f: f(f, 90))(lambda f, n: f(f, n - 1) if n else [][0:1][1])"
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Eval(pb.EvalRequest(scope=pb.Scope(environment="python"), code=code))
    error, _ = details(caught.value, generated)
    assert error.classes[0] == "IndexError"
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Eval(pb.EvalRequest(scope=pb.Scope(environment="python"), code="int('é' * 100_000)"))
    error, _ = details(caught.value, generated)
    assert error.classes[0] == "ValueError"


BAD = {
    "no such environment": ("Call", {"name": "f", "scope": {"environment": "nowhere"}}, "NOT_FOUND"),
    "a path for a name": ("Call", {"name": "f", "scope": {"environment": "../etc"}}, "NOT_FOUND"),
    "no such function": (
        "Call", {"name": "no.such_one", "scope": {"environment": "python"}}, "NOT_FOUND"
    ),
    "no scope": ("Call", {"name": "f"}, "INVALID_ARGUMENT"),
    "two scopes": (
        "Call", {"name": "f", "scope": {"environment": "python", "session": "s"}}, "INVALID_ARGUMENT"
    ),
    "neither name nor target": ("Call", {"scope": {"environment": "python"}}, "INVALID_ARGUMENT"),
    "an unknown session": ("Eval", {"code": "1", "scope": {"session": "abcd"}}, "FAILED_PRECONDITION"),
    "another secret": (
        "Eval", {"code": "1", "scope": {"session": "abcd", "secret": "no"}}, "FAILED_PRECONDITION"
    ),
    "a session where none can be": (
        "Resume", {"session": "abcd", "secret": "no"}, "FAILED_PRECONDITION"
    ),
    "an argument without a kind": (
        "Call", {"name": "f", "args": [{}], "scope": {"environment": "python"}}, "INVALID_ARGUMENT"
    ),
    "a kind that nobody knows": (
        "Call", {"name": "f", "args": [{"kind": 99}], "scope": {"environment": "python"}}, "UNIMPLEMENTED"
    ),
    "a name twice": (
        "Call",
        {"name": "f", "named": [{"name": "a", "value": {"kind": 1}}] * 2, "scope": {"environment": "python"}},
        "INVALID_ARGUMENT",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_its_code(case: str, stubs: Any, pb: Any, generated: Any) -> None:
    method, fields, code = BAD[case]
    request = getattr(pb, f"{method}Request")(**fields)
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stubs.sessions, method)(request)
    assert caught.value.code().name == code, caught.value.details()
    error, info = details(caught.value, generated)
    assert error.message
    assert info.reason == generated.error_pb2.ErrorCode.Name(error.code).removeprefix("ERROR_CODE_")


def test_a_plain_call_cannot_call_back(stubs: Any, pb: Any, generated: Any, value: Any, session: Any) -> None:
    v = generated.value_pb2
    key = v.Value(kind=v.KIND_FUNCTION, text="1")
    request = pb.CallRequest(scope=session, name="sorted", args=[value([2.0, 1.0])])
    request.named.add(name="key", value=key)
    with pytest.raises(grpc.RpcError) as caught:
        stubs.sessions.Call(request)
    assert "Attach" in caught.value.details()


def test_streams(stubs: Any, generated: Any, value: Any) -> None:
    pb = generated.stream_pb2
    first = stubs.streams.Publish(pb.PublishRequest(topic="plain/a", value=value(1.5)))
    assert first.sequence == 1
    samples = stubs.streams.Subscribe(pb.SubscribeRequest(topic="plain/a", start=0))
    sample = next(samples).sample
    assert (sample.topic, sample.sequence, sample.value) == ("plain/a", 1, value(1.5))
    for number in range(2, 200):
        stubs.streams.Publish(pb.PublishRequest(topic="plain/a", value=value(number)))
        assert next(samples).sample.value == value(number)
    found = stubs.streams.ListTopics(pb.ListTopicsRequest()).topics
    topic = next(one for one in found if one.topic == "plain/a")
    assert (topic.next, topic.oldest, topic.subscribers) == (200, 1, 1)
    samples.cancel()


def test_more_than_four_mib_in_one_call(address: str, generated: Any) -> None:
    """The client alone decides what it takes: the hub has no limit of 4 MiB."""
    pb, v = generated.session_pb2, generated.value_pb2
    data = bytes(10_000_000)
    with grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)]) as channel:
        stub = generated.session_pb2_grpc.SessionServiceStub(channel)
        array = v.Value(kind=v.KIND_BYTES, data=data)
        found = stub.Call(pb.CallRequest(scope=pb.Scope(environment="python"), name="bytes", args=[array]))
        assert found.value.data == data


def test_the_status_codes_are_those_that_error_proto_states() -> None:
    head = (ROOT / "protos/arcuate/v1/error.proto").read_text().partition("syntax")[0]
    stated = {
        code.strip(): match[1]
        for match in re.finditer(r"^//   ([A-Z_]+) +for (.*)$", head, re.MULTILINE)
        for code in match[2].split(",")
    }
    assert stated == {code: status.name for code, status in CODES.items()}
    assert {name.removeprefix("ERROR_CODE_") for name in ErrorCode.keys()} - {"UNSPECIFIED"} == set(stated)  # noqa: SIM118 (an enum is no dict)
