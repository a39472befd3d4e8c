"""Why a booking went to whom, as it was stored when it was made, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _


def why_in_words(assignment: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """One sentence. `names` has the hosts' names by their ids."""
    hosts = [names.get(str(key), _("somebody who is gone")) for key in assignment.get("hosts", ())]
    who = str(get_text_list(hosts, _("and"))) or _("Nobody")
    rule = assignment.get("rule")
    if rule == "everyone_needed":
        return _("%s: nobody else was free, or everybody was needed.") % who
    if rule == "forced":
        return _("%s: booked outside the rules by staff.") % who
    if rule == "priority_share_idle":
        return _shared(who, assignment, names)
    return who


def _shared(who: str, assignment: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Each candidate with the bookings they had, in the order in which they were asked."""
    counts = []
    for each in list(assignment.get("candidates", ()))[:6]:
        name = names.get(str(each.get("host")), _("somebody who is gone"))
        counts.append(_("%(name)s had %(count)d") % {"name": name, "count": int(each.get("bookings", 0))})
    sentence = _("%(who)s: first by priority, then by the fewest bookings for the share in %(days)s days (%(counts)s).")
    return sentence % {"who": who, "counts": get_text_list(counts, _("and")), "days": assignment.get("days", 30)}
