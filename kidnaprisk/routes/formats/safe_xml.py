"""XML from strangers: parsed without entities, so that no file can grow or reach out by them.

GPX and KML need no document type declaration, and every entity attack needs one: it is refused.
"""

from __future__ import annotations

import codecs
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers import expat

from kidnaprisk.errors import RouteError


class _RootReached(Exception):  # noqa: N818 -- ends a look ahead, reports no error
    def __init__(self, tag: str) -> None:
        self.tag = tag


def root_name(data: bytes) -> str:
    """Name of the outermost element, without its namespace prefix.

    Raises
    ------
    RouteError
        If this is not XML, or declares a document type.

    Examples
    --------
    >>> root_name(b'<?xml version="1.0"?><gpx/>')
    'gpx'
    """
    data = _trimmed(data)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = _stop
    try:
        parser.Parse(data, True)
    except _RootReached as reached:
        return reached.tag.rpartition(":")[2]
    except RouteError:
        raise
    except expat.ExpatError as error:
        raise _malformed(expat.ErrorString(error.code), error.lineno) from None
    except (ValueError, LookupError):
        raise _malformed("unknown encoding", 1) from None
    raise _malformed("no element found", 1)


def root_of(data: bytes) -> Element:
    """The outermost element.

    Raises
    ------
    RouteError
        If this is not XML, or declares a document type.

    Examples
    --------
    >>> root_of(b"<gpx><trk/></gpx>")[0].tag
    'trk'
    """
    root_name(data)
    try:
        return fromstring(_trimmed(data))  # noqa: S314 -- root_name has refused what could be unsafe
    except ParseError as error:
        raise _malformed(expat.ErrorString(error.code), error.position[0]) from None
    except (ValueError, LookupError):
        raise _malformed("unknown encoding", 1) from None


def local(element: Element) -> str:
    """Tag of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: Element, *tags: str) -> list[Element]:
    """Children with one of some tags, in any namespace."""
    return [child for child in element if local(child) in tags]


def child_text(element: Element, tag: str) -> str | None:
    """Text of the first child with a tag, stripped; None if there is none.

    Examples
    --------
    >>> child_text(root_of(b"<trk><name> Leg 1 </name></trk>"), "name")
    'Leg 1'
    """
    texts = [(child.text or "").strip() for child in children(element, tag)]
    return next((text for text in texts if text), None)


def _trimmed(data: bytes) -> bytes:
    # Blank lines before the declaration are common in the wild, and an error to expat.
    return data.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")


def _refuse(*_: object) -> None:
    raise RouteError(
        "the XML declares a document type (DOCTYPE), which route files do not need and attacks do",
        remedy="remove the declaration",
    )


def _stop(tag: str, _: dict[str, str]) -> None:
    raise _RootReached(tag)


def _malformed(reason: str | None, row: int) -> RouteError:
    return RouteError(
        f"this is not well-formed XML: {reason or 'cannot be parsed'}",
        row=row,
        remedy="check that the file is whole and in the encoding it declares",
    )
