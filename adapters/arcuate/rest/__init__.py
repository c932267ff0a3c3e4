"""REST and other HTTP interfaces, on httpx2.

:class:`RESTAPIClient` is used as it is or subclassed; :class:`Link`, :class:`Page` and :class:`Cursor` say
how a system divides long lists; :class:`Response` is an answer with its headers.
"""

from __future__ import annotations

from arcuate.rest.client import RESTAPIClient
from arcuate.rest.config import RESTConfig
from arcuate.rest.paging import Cursor, Link, Page, Paging
from arcuate.rest.response import Response

__all__ = ["Cursor", "Link", "Page", "Paging", "RESTAPIClient", "RESTConfig", "Response"]
