"""Compression of WebSocket messages: permessage-deflate, RFC 7692."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

if TYPE_CHECKING:
    from wsproto.frame_protocol import FrameDecoder, FrameProtocol

_WINDOW_BITS = 12
"""The window of compression, where the client lets us choose: 12 bits take much less memory than 15."""


class Deflate(PerMessageDeflate):
    """wsproto's extension, which lets a control frame stand between the fragments of a message.

    wsproto 1.3 forgets at such a frame that the message is compressed. So control frames, which never are, pass by it.
    """

    def __init__(self) -> None:
        super().__init__(client_max_window_bits=_WINDOW_BITS, server_max_window_bits=_WINDOW_BITS)
        self._is_control = False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Note what kind of frame begins."""
        self._is_control = opcode.iscontrol()
        if self._is_control:
            return CloseReason.PROTOCOL_ERROR if rsv.rsv1 else RsvBits(True, False, False)
        return super().frame_inbound_header(proto, opcode, rsv, payload_length)

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        """Decompress a part of a message."""
        return data if self._is_control else super().frame_inbound_payload_data(proto, data)

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        """Return the last part of a message."""
        return None if self._is_control else super().frame_inbound_complete(proto, fin)


def negotiate(offers: list[str]) -> tuple[Deflate | None, str]:
    """Return the first offered extension that can be used, and what is answered to the offer."""
    for offer in offers:
        if offer.partition(";")[0].strip().lower() != Deflate.name:
            continue
        extension = Deflate()
        try:
            answer = extension.accept(offer)
        except ValueError:  # a number that is none
            continue
        if isinstance(answer, str):
            return extension, f"{extension.name}; {answer}" if answer else extension.name
    return None, ""
