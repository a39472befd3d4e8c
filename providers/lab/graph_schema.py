"""What Graph takes and gives, as far as we use it: names, types and enum members of Microsoft Graph v1.0.

tests/providers/microsoft compares all of it with the models of Microsoft's own SDK.
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

ENUMS: dict[str, tuple[str, ...]] = {
    "attendeeType": ("required", "optional", "resource"),
    "bodyType": ("text", "html"),
    "dayOfWeek": ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
    "eventType": ("singleInstance", "occurrence", "exception", "seriesMaster"),
    "freeBusyStatus": ("unknown", "free", "tentative", "busy", "oof", "workingElsewhere"),
    "importance": ("low", "normal", "high"),
    "onlineMeetingProviderType": ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"),
    "recurrencePatternType": (
        *("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"),
    ),
    "recurrenceRangeType": ("endDate", "noEnd", "numbered"),
    "responseType": ("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "weekIndex": ("first", "second", "third", "fourth", "last"),
    "calendarColor": (
        *("auto", "lightBlue", "lightGreen", "lightOrange", "lightGray", "lightYellow", "lightTeal", "lightPink"),
        *("lightBrown", "lightRed", "maxColor"),
    ),
}

MODELS: dict[str, dict[str, str]] = {
    "event": {
        **dict.fromkeys(("subject", "transactionId", "bodyPreview", "iCalUId", "id", "changeKey", "webLink"), "string"),
        **dict.fromkeys(("originalStartTimeZone", "originalEndTimeZone", "seriesMasterId"), "string"),
        **dict.fromkeys(("isAllDay", "isCancelled", "isDraft", "isOnlineMeeting", "isOrganizer"), "boolean"),
        **dict.fromkeys(("isReminderOn", "allowNewTimeProposals", "hideAttendees", "responseRequested"), "boolean"),
        **dict.fromkeys(("createdDateTime", "lastModifiedDateTime", "originalStart"), "datetime"),
        **dict.fromkeys(("categories", "cancelledOccurrences"), "[string]"),
        "body": "itemBody",
        "start": "dateTimeTimeZone",
        "end": "dateTimeTimeZone",
        "location": "location",
        "attendees": "[attendee]",
        "organizer": "recipient",
        "recurrence": "patternedRecurrence",
        "reminderMinutesBeforeStart": "int",
        "showAs": "enum freeBusyStatus",
        "sensitivity": "enum sensitivity",
        "importance": "enum importance",
        "type": "enum eventType",
        "responseStatus": "responseStatus",
        "onlineMeeting": "onlineMeetingInfo",
        "onlineMeetingProvider": "enum onlineMeetingProviderType",
        "singleValueExtendedProperties": "[singleValueLegacyExtendedProperty]",
        "exceptionOccurrences": "[event]",
    },
    "itemBody": {"contentType": "enum bodyType", "content": "string"},
    "dateTimeTimeZone": {"dateTime": "string", "timeZone": "string"},
    "location": {"displayName": "string", "locationUri": "string", "locationEmailAddress": "string"},
    "attendee": {"emailAddress": "emailAddress", "type": "enum attendeeType", "status": "responseStatus"},
    "recipient": {"emailAddress": "emailAddress"},
    "emailAddress": {"address": "string", "name": "string"},
    "responseStatus": {"response": "enum responseType", "time": "datetime"},
    "onlineMeetingInfo": {"joinUrl": "string"},
    "patternedRecurrence": {"pattern": "recurrencePattern", "range": "recurrenceRange"},
    "recurrencePattern": {
        "type": "enum recurrencePatternType",
        "interval": "int",
        "month": "int",
        "dayOfMonth": "int",
        "daysOfWeek": "[enum dayOfWeek]",
        "firstDayOfWeek": "enum dayOfWeek",
        "index": "enum weekIndex",
    },
    "recurrenceRange": {
        "type": "enum recurrenceRangeType",
        "startDate": "date",
        "endDate": "date",
        "recurrenceTimeZone": "string",
        "numberOfOccurrences": "int",
    },
    "singleValueLegacyExtendedProperty": {"id": "string", "value": "string"},
    "timeSlot": {"start": "dateTimeTimeZone", "end": "dateTimeTimeZone"},
    "calendar": {
        "id": "string",
        "name": "string",
        "color": "enum calendarColor",
        "hexColor": "string",
        "isDefaultCalendar": "boolean",
        "changeKey": "string",
        "canEdit": "boolean",
        "canShare": "boolean",
        "canViewPrivateItems": "boolean",
        "isRemovable": "boolean",
        "isTallyingResponses": "boolean",
        "allowedOnlineMeetingProviders": "[enum onlineMeetingProviderType]",
        "defaultOnlineMeetingProvider": "enum onlineMeetingProviderType",
        "owner": "emailAddress",
    },
    "subscription": {
        "id": "string",
        "resource": "string",
        "changeType": "string",
        "clientState": "string",
        "notificationUrl": "string",
        "lifecycleNotificationUrl": "string",
        "expirationDateTime": "datetime",
    },
}

ACTIONS: dict[str, dict[str, str]] = {
    "accept": {"Comment": "string", "SendResponse": "boolean"},
    "decline": {"Comment": "string", "SendResponse": "boolean", "ProposedNewTime": "timeSlot"},
    "tentativelyAccept": {"Comment": "string", "SendResponse": "boolean", "ProposedNewTime": "timeSlot"},
    "cancel": {"Comment": "string"},
}

WRITABLE = frozenset(
    {"subject", "body", "start", "end", "isAllDay", "location", "attendees", "showAs", "sensitivity", "importance"}
    | {"categories", "isReminderOn", "reminderMinutesBeforeStart", "allowNewTimeProposals", "responseRequested"}
    | {"hideAttendees", "isOnlineMeeting", "onlineMeetingProvider", "transactionId", "recurrence"}
    | {"singleValueExtendedProperties"}
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_PRIMITIVE: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "int": int}


class Wrong(Exception):
    """A body that the service refuses, with the code and the words of its error."""

    def __init__(self, words: str, code: str = "RequestBodyRead") -> None:
        super().__init__(words)
        self.code = code


def check(body: Any, model: str) -> None:
    """Refuse what is no object of this type: unknown names, wrong types, unknown enum members."""
    if not isinstance(body, dict):
        raise Wrong(f"An object of type 'microsoft.graph.{model}' is expected.")
    known = MODELS[model]
    for name, value in body.items():
        if name == "@odata.type":
            continue
        if name not in known:
            raise Wrong(f"The property '{name}' does not exist on type 'microsoft.graph.{model}'.")
        _check_value(value, known[name], f"{model}.{name}")


def check_action(body: Any, action: str) -> Json:
    """The parameters of an action by their names in lower case; Graph takes them in either case."""
    known = {name.lower(): kind for name, kind in ACTIONS[action].items()}
    if not isinstance(body, dict):
        raise Wrong("The parameters of an action are an object.")
    for name, value in body.items():
        if name.lower() not in known:
            raise Wrong(f"The parameter '{name}' in the request payload is not a valid parameter for '{action}'.")
        _check_value(value, known[name.lower()], f"{action}.{name}")
    return {name.lower(): value for name, value in body.items()}


def _check_value(value: Any, kind: str, where: str) -> None:
    if value is None:
        return
    if kind.startswith("["):
        if not isinstance(value, list):
            raise Wrong(f"A collection is expected for '{where}'.")
        for each in value:
            _check_value(each, kind[1:-1], where)
    elif kind.startswith("enum "):
        if value not in ENUMS[kind[5:]]:
            raise Wrong(f"Requested value '{value}' was not found ({where}).")
    elif kind in _PRIMITIVE:
        if not isinstance(value, _PRIMITIVE[kind]) or (kind == "int" and isinstance(value, bool)):
            raise Wrong(f"Cannot convert the literal '{value}' to the expected type '{kind}' ({where}).")
    elif kind in ("date", "datetime"):
        shape = _DATE if kind == "date" else _MOMENT
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise Wrong(f"Cannot convert the literal '{value}' to the expected type '{kind}' ({where}).")
    else:
        check(value, kind)
