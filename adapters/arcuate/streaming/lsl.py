"""Lab Streaming Layer, through pylsl: what instruments send as labelled blocks on one clock, and our own.

::

    with LSLStream(url="lsl://BioSemi?type=EEG") as stream:
        for block in stream:
            block.data  # dimensions time and channel; names, units and types as the sender describes them
"""

from __future__ import annotations

import math
import socket
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import xarray as xr
from pydantic import Field, model_validator
from typing_extensions import Self

from arcuate.connector import ConnectionError as LostConnection
from arcuate.connector import DataError, IntegrationError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.streaming.block import CHANNEL, RATE, TIME, Block
from arcuate.streaming.feed import Feed
from arcuate.streaming.lsl_clock import Smoother, epoch, pieces
from arcuate.streaming.lsl_library import FORMATS, Network, described, library, outlet_info
from arcuate.streaming.source import Stream, StreamConfig

__all__ = ["LSLConfig", "LSLStream", "LabelsWarning"]

_SLICE = 0.25
"""Seconds after which a pull that nothing came for looks whether it should go on: liblsl cannot be woken."""
_TURN = 0.005
"""Seconds that one of several streams is waited for, before the next is looked at."""
_MEASURED = 10.0
"""Seconds of samples after which the rate that a device really has is told."""
_LINGER = 0.3
"""Seconds that an outlet of texts is kept after the last one: liblsl ends it without sending what waits."""


class LabelsWarning(UserWarning):
    """Labels of a block are not carried by LSL."""


class LSLConfig(StreamConfig):
    """What an LSL stream has beside what every stream has. Its topics are names of streams."""

    type: str = Field(default="", description="content type, such as EEG: wanted, or of what is written")
    source_id: str = Field(default="", description="identifier of the device: wanted, or of what is written")
    predicate: str = Field(default="", description="XPath over the stream's description, for other wishes")
    duration: float = Field(default=0.1, gt=0, description="seconds of one block")
    dejitter: bool = Field(default=False, description="smooths the times of regular streams")
    gap: float = Field(default=0.1, gt=0, description="seconds by which times jump at a gap")
    seconds: int = Field(default=360, ge=1, description="seconds of samples that liblsl keeps for us")
    recover: bool = Field(default=True, description="waits for a sender that went away, by its source_id")
    network: Network = Field(default="machine", description="how far streams are looked for and shown")
    consumers: float = Field(default=0.0, ge=0, description="seconds that the first write waits for a reader")

    @model_validator(mode="after")
    def _address(self) -> Self:
        """Takes ``lsl://NAME?type=...&source_id=...`` apart; settings of their own win."""
        if not self.url:
            return self
        parts = urlsplit(self.url)
        if parts.scheme != "lsl" or parts.path not in ("", "/") or parts.username is not None:
            raise ValueError("url is lsl://NAME, lsl://NAME?type=EEG, or lsl://?source_id=...")
        if parts.netloc and not self.topic:
            self.topic = (unquote(parts.netloc),)
        for key, value in parse_qsl(parts.query, keep_blank_values=True):
            if key not in ("type", "source_id", "predicate"):
                raise ValueError(f"url has no {key!r}; there are type, source_id, predicate")
            if not getattr(self, key):
                setattr(self, key, value)
        return self


class LSLStream(Stream):
    """Streams of the Lab Streaming Layer, read as blocks on one clock, and written."""

    Config: ClassVar[type[StreamConfig]] = LSLConfig
    default_name = "lsl"
    has_headers = False

    def __init__(self, config: Any = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._outlets: dict[str, _Outlet] = {}
        self._writing = threading.Lock()

    def _open(self) -> None:
        self._lsl = library(self.config.network)

    def _close(self) -> None:
        with self._writing:
            for outlet in self._outlets.values():
                outlet.close()
            self._outlets.clear()

    def _check(self) -> Mapping[str, Any]:
        facts = {"liblsl": self._lsl.library_version() / 100}
        if not self._outlets and self._wish(None):
            found = self._resolve(self._topics[0] if self._topics else None, self.config.timeouts.connect)
            facts["found"] = found.name()
        return facts

    # --- Reading

    def _need_topics(self, topics: tuple[str, ...]) -> None:
        if not topics and not self._wish(None):
            raise InvalidArgument(f"{self.name}: which stream? Give topic=..., type=... or source_id=...")

    def streams(self, wait: float = 1.0) -> list[dict[str, Any]]:
        """The streams that can be seen, after so many seconds of looking.

        Returns:
            For each: name, type, source_id, channels (their number), sampling_rate, format, host.
        """
        self.open()
        return [_summary(one) for one in self._lsl.resolve_streams(wait)]

    def describe(self, topic: str | None = None) -> dict[str, Any]:
        """Everything that the sender says of its stream, as nested mappings; repeated ones are a list."""
        self.open()
        names = self._topics
        info = self._resolve(topic or (names[0] if names else None), self.config.timeouts.connect)
        return described(self._full(self._lsl.StreamInlet(info, recover=False), info.name()))

    def _wish(self, name: str | None) -> str:
        """The XPath predicate for what the settings want."""
        config = self.config
        wanted = {"name": name, "type": config.type, "source_id": config.source_id}
        terms = [f"{key}={_quoted(value)}" for key, value in wanted.items() if value]
        if config.predicate:
            terms.append(f"({config.predicate})")
        return " and ".join(terms)

    def _resolve(self, name: str | None, timeout: float) -> Any:
        """The one stream that is wanted.

        Raises:
            NotFoundError: there is none.
            InvalidArgument: there are several.
        """
        wish = self._wish(name)
        found = self._lsl.resolve_bypred(wish, 1, timeout)
        if not found:
            where = " on this machine (setting 'network')" if self.config.network == "machine" else ""
            seen = sorted({one.name() for one in self._lsl.resolve_streams(0.5)})
            raise NotFoundError(
                f"{self.name}: no stream with {wish} was seen in {timeout:g} s{where}; "
                f"there are {', '.join(seen) if seen else 'none at all'}",
                service=self.name,
            )
        further = self._lsl.resolve_bypred(wish, 2, 0.3 if self.config.network == "machine" else 0.6)
        more = {one.uid(): one for one in [*found, *further]}
        if len(more) > 1:
            listed = "; ".join(
                f"name {one.name()!r}, type {one.type()!r}, source_id {one.source_id()!r} on {one.hostname()}"
                for one in more.values()
            )
            raise InvalidArgument(f"{self.name}: several streams have {wish}; say more: {listed}")
        return found[0]

    def _full(self, inlet: Any, name: str) -> Any:
        try:
            return inlet.info(self.config.timeouts.connect)
        except RuntimeError as error:
            raise self._lost(name, error) from error

    def _lost(self, name: str, error: Exception) -> IntegrationError:
        what = f"{self.name}: the stream {name!r} "
        if type(error).__name__ == "TimeoutError":
            return LostConnection(what + "does not answer (setting 'timeouts.connect')", service=self.name)
        return LostConnection(what + f"was lost: {error}", service=self.name)

    def _feed(self, topics: tuple[str, ...], start: int | str) -> Feed:
        if start != "new":
            raise InvalidArgument(
                f"{self.name}: LSL keeps nothing to start from; 'start' is 'new', not {start!r}"
            )
        # Each takes a second, most of it for the first measurement of the clocks.
        with ThreadPoolExecutor(8) as pool:
            opening = [pool.submit(self._inlet, name) for name in topics or (None,)]
        try:
            return _LSLFeed([one.result() for one in opening])
        except BaseException:
            for one in opening:
                if one.exception() is None:
                    one.result().close()
            raise

    def _inlet(self, name: str | None) -> _Inlet:
        return _Inlet(self, self._resolve(name, self.config.timeouts.connect))

    # --- Writing

    def _write(self, block: Block, topic: str) -> None:
        with self._writing:
            outlet = self._outlets.get(topic)
            if outlet is None:
                outlet = self._outlets[topic] = _Outlet(self, block, topic)
            outlet.write(block)

    def have_consumers(self, topic: str | None = None) -> bool:
        """Whether somebody reads what is written; LSL throws away what nobody reads."""
        outlet = self._outlets.get(topic or (self._topics[0] if self._topics else ""))
        return outlet is not None and bool(outlet.outlet.have_consumers())


def _quoted(text: str) -> str:
    """A text in XPath, which has no escapes."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    raise InvalidArgument(f"a name with both kinds of quotes cannot be looked for: {text!r}; use 'predicate'")


def _summary(info: Any) -> dict[str, Any]:
    return {
        "name": info.name(),
        "type": info.type(),
        "source_id": info.source_id(),
        "channels": info.channel_count(),
        "sampling_rate": info.nominal_srate() or None,
        "format": FORMATS[info.channel_format()],
        "host": info.hostname(),
    }


class _Inlet:
    """One stream that is read: chunks of samples become blocks of one length, cut where time jumps."""

    def __init__(self, stream: LSLStream, found: Any) -> None:
        config, lsl = stream.config, stream._lsl
        self.stream, self.name = stream, str(found.name())
        self.rate = float(found.nominal_srate()) or None
        buffered = config.seconds if self.rate else math.ceil(config.seconds / 100)
        self.inlet = lsl.StreamInlet(found, max_buflen=buffered, recover=config.recover, as_numpy=True)
        info = stream._full(self.inlet, self.name)
        try:
            self.inlet.open_stream(config.timeouts.connect)
            self.inlet.time_correction(config.timeouts.connect)
        except RuntimeError as error:
            raise stream._lost(self.name, error) from error
        self.text = FORMATS[info.channel_format()] == "string"
        self.size = max(1, round(config.duration * self.rate)) if self.rate else 1024
        self.coords, self.attrs = _labels(info, self.rate)
        self.channels = tuple(self.coords[CHANNEL][1]) if CHANNEL in self.coords else ()
        self.epoch = epoch(lsl.local_clock)
        self.smooth = Smoother(self.rate) if self.rate and config.dejitter else None
        self.tolerance = float(config.gap)
        self.ready: deque[tuple[Block | None, int | None, bool]] = deque()
        """(block, samples lost before it, whether that is still to be told)."""
        self._values: list[np.ndarray[Any, Any]] = []
        self._times: list[np.ndarray[Any, Any]] = []
        self._have = self._sequence = 0
        self._last: float | None = None
        self._since = (0.0, 0)
        """Time of the first sample after a gap, and how many came since."""
        self._gap: tuple[int | None] | None = None
        self._error: IntegrationError | None = None

    def pull(self, timeout: float) -> None:
        """Takes what has come, waiting so long for a sample. An error comes after what came before it."""
        if self._error is not None:
            raise self._error
        config = self.stream.config
        try:
            # One sample is waited for, not all: when a stream ends, liblsl throws away what it had then.
            values, times = self.inlet.pull_chunk(timeout, self.size - self._have, min_samples=1)
            correction = self.inlet.time_correction(config.timeouts.connect) if len(times) else 0.0
        except RuntimeError as error:
            self._error = self.stream._lost(self.name, error)
            self._error.__cause__ = error
            self._emit()
            return
        if not len(times):
            return
        self._correction = correction
        corrected = times + correction
        for first, end, lost in pieces(corrected, self._last, self.rate, self.tolerance):
            if lost is not None:
                self._emit()
                self._gap = (lost if lost >= 0 else None,)
                if self.smooth is not None:
                    self.smooth = Smoother(self.smooth.rate)
            if lost is not None or (self._last is None and first == 0):
                self._since = (float(corrected[first]), 0)
            self._since = (self._since[0], self._since[1] + end - first)
            part = corrected[first:end]
            self._times.append(self.smooth(part) if self.smooth is not None else part)
            self._values.append(values[first:end])
            self._have += end - first
        self._last = float(corrected[-1])
        if self._have >= self.size or not self.rate:
            self._emit()

    def _emit(self) -> None:
        """Makes a block of what is there."""
        if not self._have:
            return
        values, times = np.concatenate(self._values), np.concatenate(self._times)
        self._values, self._times, self._have = [], [], 0
        block = self.stream.decoded(lambda: self._block(values, times))
        self._sequence += 1
        gap, self._gap = self._gap, None
        self.ready.append((block, gap[0] if gap else None, gap is not None))

    def _block(self, values: np.ndarray[Any, Any], times: np.ndarray[Any, Any]) -> Block:
        if self.text:
            values = self._texts(values)
        moments = np.rint(times * 1e9).astype(np.int64) + self.epoch
        coords = {TIME: (TIME, moments.astype("datetime64[ns]")), **self.coords}
        data = xr.DataArray(
            values, dims=(TIME, CHANNEL), coords=coords, name=self.name, attrs=dict(self.attrs)
        )
        headers = {"lsl-correction": repr(self._correction), "lsl-epoch": f"{self.epoch}e-9"}
        begun, count = self._since
        if self.rate and times[-1] - begun >= _MEASURED:
            headers["lsl-rate"] = f"{(count - 1) / (times[-1] - begun):.6g}"
        return Block(
            data,
            sequence=self._sequence,
            timestamp=int(moments[0]) / 1e9,
            sampling_rate=self.rate,
            channels=self.channels,
            topic=self.name,
            headers=headers,
        )

    def _texts(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self.stream.config.format == "bytes":
            return values
        texts = np.empty_like(values)
        try:
            texts.reshape(-1)[:] = [one.decode("utf-8") for one in values.reshape(-1)]
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.stream.name}: a sample of {self.name!r} is no UTF-8 ({error.reason}); "
                "set format='bytes' to read it as it is",
                service=self.stream.name,
            ) from error
        return texts

    def close(self) -> None:
        self.inlet.close_stream()
        del self.inlet


def _labels(info: Any, rate: float | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Coordinates and attributes of a stream's blocks."""
    description = described(info)
    found = description.get("desc")
    listed = found.get("channels") if isinstance(found, dict) else None
    listed = listed.get("channel", []) if isinstance(listed, dict) else []
    rows = listed if isinstance(listed, list) else [listed]
    attrs: dict[str, Any] = {"source_id": info.source_id()} if info.source_id() else {}
    if info.type():
        attrs["type"] = info.type()
    if rate is not None:
        attrs[RATE] = rate
    count = info.channel_count()
    if len(rows) != count or not all(isinstance(row, dict) for row in rows):
        return {}, attrs  # the description is not of these channels
    coords: dict[str, Any] = {}
    keys = dict.fromkeys(key for row in rows for key, value in row.items() if isinstance(value, str))
    for key in keys:
        texts = [row.get(key, "") for row in rows]
        if not all(isinstance(text, str) for text in texts):
            continue
        if key == "label":
            coords[CHANNEL] = (CHANNEL, texts)
        elif key not in (CHANNEL, TIME):
            coords[key] = (CHANNEL, texts)
    units = set(coords["unit"][1]) if "unit" in coords else set()
    if len(units) == 1:
        attrs["units"] = units.pop()
    return coords, attrs


class _LSLFeed(Feed):
    """Asks one or several streams in turn."""

    def __init__(self, inlets: list[_Inlet]) -> None:
        super().__init__()
        self._inlets = inlets
        self._lock = threading.Lock()
        self._ended = self._woken = False

    def next(self, timeout: float) -> Block | None:
        end = time.monotonic() + timeout
        with self._lock:
            self._woken = False
            while True:
                if self._ended:
                    raise EOFError
                if self._take(0.0) or self._take(min(max(0.0, end - time.monotonic()), _SLICE)):
                    return self._given()
                if self._woken or time.monotonic() >= end:
                    return None

    def _take(self, timeout: float) -> bool:
        """Whether a block is ready, after asking each stream once."""
        if any(one.ready for one in self._inlets):
            return True
        for one in self._inlets:
            one.pull(timeout if len(self._inlets) == 1 else min(timeout, _TURN))
            if one.ready:
                return True
        return False

    def _given(self) -> Block | None:
        """The next block; nothing if a gap before it is to be told first."""
        one = next(one for one in self._inlets if one.ready)
        block, lost, untold = one.ready.popleft()
        if untold:
            one.ready.appendleft((block, lost, False))
            self.lost(one.name, lost, block.sequence or 0 if block is not None else one._sequence)
            return None
        self._inlets.remove(one)  # the others are next
        self._inlets.append(one)
        return block

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        self._ended = True
        with self._lock:
            for one in self._inlets:
                one.close()
            self._inlets = []


class _Outlet:
    """One stream that is written: described by its first block, and all others must be like that."""

    def __init__(self, stream: LSLStream, block: Block, name: str) -> None:
        self.stream, self.name = stream, name
        config, lsl = stream.config, stream._lsl
        values = self._array(block)
        self.channels, self.rate = block.channels, block.sampling_rate
        self.count, self.dtype = values.shape[1], values.dtype
        data = block.data
        self._forgotten(data)
        info = outlet_info(
            lsl,
            name=name,
            type=config.type or str(getattr(data, "attrs", {}).get("type", "")),
            source_id=config.source_id or f"{socket.gethostname()}:{name}",
            rate=self.rate,
            dtype=self.dtype,
            count=self.count,
            labels=_written(data, self.channels),
        )
        self.text = self.dtype == object
        # Without this flag an outlet that ends throws away what is on its way.
        flags = 0 if self.text else lsl.transp_sync_blocking
        self.outlet = lsl.StreamOutlet(info, max_buffered=config.seconds, transport_flags=flags)
        self.epoch = epoch(lsl.local_clock)
        self._last = 0.0
        if config.consumers and not self.outlet.wait_for_consumers(config.consumers):
            del self.outlet
            raise LostConnection(
                f"{stream.name}: nobody reads {name!r} after {config.consumers:g} s (setting 'consumers')",
                service=stream.name,
            )

    def _array(self, block: Block) -> np.ndarray[Any, Any]:
        """The samples, as rows of channels in a type of LSL's."""
        data = block.data
        where = f"{self.stream.name}: LSL carries samples of channels"
        if isinstance(data, (str, bytes)):
            row = np.empty((1, 1), dtype=object)
            row[0, 0] = data
            return row
        if isinstance(data, xr.DataArray):
            if set(data.dims) not in ({TIME}, {TIME, CHANNEL}):
                raise ConversionError(f"{where}: dimensions time and channel; got {data.dims}")
            data = data.transpose(TIME, ...)
        elif not isinstance(data, np.ndarray) or data.ndim not in (1, 2):
            raise ConversionError(f"{where}, or a text; got a {type(data).__name__}")
        values = np.asarray(data)
        values = values[:, np.newaxis] if values.ndim == 1 else values
        if values.dtype.kind in "OUT":
            values = values.astype(object)
            if not all(isinstance(one, (str, bytes)) for one in values.reshape(-1)):
                raise ConversionError(f"{where}: numbers or texts, not other objects")
            return values
        if values.dtype.name not in FORMATS[1:] and values.dtype != np.float64:
            raise ConversionError(
                f"{where} of float32, float64, int8, int16, int32, int64 or text; got {values.dtype}; "
                "convert it, for example by data.astype('float64')"
            )
        return values

    def _forgotten(self, data: Any) -> None:
        """Tells which labels LSL has no place for."""
        if not isinstance(data, xr.DataArray):
            return
        names = [str(one) for one in data.attrs if one not in ("units", "type", RATE, "source_id")]
        names += [str(one) for one in data.coords if one != TIME and data.coords[one].dims != (CHANNEL,)]
        if names:
            warnings.warn(
                f"LSL carries names, units and types of channels; not of {self.name!r}: {', '.join(names)}",
                LabelsWarning,
                stacklevel=6,
            )

    def write(self, block: Block) -> None:
        values = self._array(block)
        found = (values.shape[1], values.dtype, block.sampling_rate, block.channels)
        begun = (self.count, self.dtype, self.rate, self.channels)
        if found != begun:
            raise InvalidArgument(
                f"{self.stream.name}: {self.name!r} was begun with (channels, type, rate, names) {begun}, "
                f"and a stream of LSL stays as it was begun; got {found}"
            )
        if not len(values):
            return
        times = self._times(block, len(values))
        self.outlet.push_chunk(values.tolist() if self.text else np.ascontiguousarray(values), times)
        self._last = time.monotonic()

    def _times(self, block: Block, count: int) -> Any:
        """When the samples were taken, on LSL's clock; 0.0 where nobody says: now."""
        data = block.data
        if isinstance(data, xr.DataArray) and TIME in data.coords and data.coords[TIME].dtype.kind == "M":
            moments = data.coords[TIME].values.astype("datetime64[ns]")
            if np.isnat(moments).any():
                raise ConversionError(f"{self.stream.name}: a sample of {self.name!r} has no time (NaT)")
            return ((moments.astype(np.int64) - self.epoch) / 1e9).tolist()
        if block.timestamp is None:
            return 0.0
        first = (round(block.timestamp * 1e9) - self.epoch) / 1e9
        return [first + (one / self.rate if self.rate else 0.0) for one in range(count)]

    def close(self) -> None:
        if self.text and self.outlet.have_consumers():
            time.sleep(max(0.0, self._last + _LINGER - time.monotonic()))
        del self.outlet


def _written(data: Any, channels: tuple[str, ...]) -> dict[str, list[str]]:
    """What a description says of the channels: label, unit, type and so on, one text for each."""
    found: dict[str, list[str]] = {"label": list(channels)} if channels else {}
    if not isinstance(data, xr.DataArray):
        return found
    for name in _channel_coords(data):
        found[name] = [str(one) for one in data.coords[name].values.tolist()]
    if "unit" not in found and isinstance(data.attrs.get("units"), str):
        found["unit"] = [data.attrs["units"]] * int(data.sizes.get(CHANNEL, 1))
    return found


def _channel_coords(data: xr.DataArray) -> Iterator[str]:
    for name, coord in data.coords.items():
        if name != CHANNEL and coord.dims == (CHANNEL,):
            yield str(name)
