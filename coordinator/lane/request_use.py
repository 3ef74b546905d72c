"""Whether the grid's user may use the WAPI object `request`: tried at start, anew in time, and when refused."""

from __future__ import annotations

from coordinator.core.outbox import Note
from coordinator.grid.calls import Form


class RequestUse:
    """What was found out about it.

    `form` is how calls are made: by `request`, or singly; None while that has to be found out, for which only a
    look-up is sent that nobody would miss. `known` is what was found out last, and stays while it is tried anew.
    """

    def __init__(self) -> None:
        self.form: Form | None = None
        self.known: Form | None = None
        self._known_before: Form | None = None
        self._is_proven = False
        """Whether a call in this form was answered, or may have been carried out."""

    def try_again(self) -> None:
        """Somebody may have allowed it meanwhile: the next look-up at the start of the queue tries it."""
        if self.form is Form.SEPARATE:
            self.form = None

    def answered(self, form: Form) -> list[Note]:
        """A call in this form was answered; returns a note where that tells that `request` may be used."""
        self._is_proven = True
        if self.form is not None or form is not Form.REQUEST:
            return []
        self.form = self.known = form
        return [Note("request_probed", {"form": form.name.lower()})]

    def lost(self, form: Form) -> None:
        """A call in this form has no outcome. What a single one wrote may come later: `request` has to wait."""
        if form is Form.SEPARATE:
            self._is_proven = True
            self.form = self.form or self.known

    def refused(self, reason: str) -> list[Note]:
        """The grid does not let this user use it: calls go singly from now on."""
        self._known_before, self.known = self.known, Form.SEPARATE
        self.form = Form.SEPARATE
        self._is_proven = False
        if self._known_before is Form.SEPARATE:
            return []
        return [Note("request_not_allowed", {"reason": reason}, is_alarm=True)]

    def single_forbidden(self, otherwise: Form | None) -> bool:
        """A single call is forbidden. Where none was answered before, nothing was learnt: returns True then."""
        if self.form is not Form.SEPARATE or self._is_proven:
            return False
        self.form, self.known = otherwise, self._known_before
        return True
