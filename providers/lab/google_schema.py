"""The part of Google's calendar.v3 that its double speaks: fields with their types, the values of enumerations, and the
parameters of its methods. A test compares all of it with the vendor's discovery document.

Types: a name of JSON Schema or a format (`date`, `date-time`, `int64`), another schema, `[of]` an array, `{of}` a map.
"""

from __future__ import annotations

_FIELDS = {
    "Event": (
        "anyoneCanAddSelf:boolean attachments:[EventAttachment] attendees:[EventAttendee] attendeesOmitted:boolean "
        "birthdayProperties:EventBirthdayProperties colorId:string conferenceData:ConferenceData created:date-time "
        "creator:Event.creator description:string end:EventDateTime endTimeUnspecified:boolean etag:string "
        "eventLabelId:string eventType:string extendedProperties:Event.extendedProperties "
        "focusTimeProperties:EventFocusTimeProperties gadget:Event.gadget guestsCanInviteOthers:boolean "
        "guestsCanModify:boolean guestsCanSeeOtherGuests:boolean hangoutLink:string htmlLink:string iCalUID:string "
        "id:string kind:string location:string locked:boolean organizer:Event.organizer "
        "originalStartTime:EventDateTime outOfOfficeProperties:EventOutOfOfficeProperties privateCopy:boolean "
        "recurrence:[string] recurringEventId:string reminders:Event.reminders sequence:integer source:Event.source "
        "start:EventDateTime status:string summary:string transparency:string updated:date-time visibility:string "
        "workingLocationProperties:EventWorkingLocationProperties"
    ),
    "Event.creator": "displayName:string email:string id:string self:boolean",
    "Event.extendedProperties": "private:{string} shared:{string}",
    "Event.gadget": (
        "display:string height:integer iconLink:string link:string preferences:{string} title:string type:string "
        "width:integer"
    ),
    "Event.organizer": "displayName:string email:string id:string self:boolean",
    "Event.reminders": "overrides:[EventReminder] useDefault:boolean",
    "Event.source": "title:string url:string",
    "EventDateTime": "date:date dateTime:date-time timeZone:string",
    "EventAttendee": (
        "additionalGuests:integer asyncOperation:string comment:string displayName:string email:string id:string "
        "optional:boolean organizer:boolean resource:boolean responseStatus:string self:boolean"
    ),
    "EventReminder": "method:string minutes:integer",
    "EventAttachment": "fileId:string fileUrl:string iconLink:string mimeType:string title:string",
    "EventBirthdayProperties": "contact:string customTypeName:string type:string",
    "EventFocusTimeProperties": "autoDeclineMode:string chatStatus:string declineMessage:string",
    "EventOutOfOfficeProperties": "autoDeclineMode:string declineMessage:string",
    "EventWorkingLocationProperties": (
        "customLocation:EventWorkingLocationProperties.customLocation homeOffice:any "
        "officeLocation:EventWorkingLocationProperties.officeLocation type:string"
    ),
    "EventWorkingLocationProperties.customLocation": "label:string",
    "EventWorkingLocationProperties.officeLocation": (
        "buildingId:string deskId:string floorId:string floorSectionId:string label:string"
    ),
    "ConferenceData": (
        "conferenceId:string conferenceSolution:ConferenceSolution createRequest:CreateConferenceRequest "
        "entryPoints:[EntryPoint] notes:string parameters:ConferenceParameters signature:string"
    ),
    "ConferenceParameters": "addOnParameters:ConferenceParametersAddOnParameters",
    "ConferenceParametersAddOnParameters": "parameters:{string}",
    "ConferenceSolution": "iconUri:string key:ConferenceSolutionKey name:string",
    "ConferenceSolutionKey": "type:string",
    "CreateConferenceRequest": (
        "conferenceSolutionKey:ConferenceSolutionKey requestId:string status:ConferenceRequestStatus"
    ),
    "ConferenceRequestStatus": "statusCode:string",
    "EntryPoint": (
        "accessCode:string entryPointFeatures:[string] entryPointType:string label:string meetingCode:string "
        "passcode:string password:string pin:string regionCode:string uri:string"
    ),
    "Channel": (
        "address:string expiration:int64 id:string kind:string params:{string} payload:boolean resourceId:string "
        "resourceUri:string token:string type:string"
    ),
    "FreeBusyRequest": (
        "calendarExpansionMax:integer groupExpansionMax:integer items:[FreeBusyRequestItem] timeMax:date-time "
        "timeMin:date-time timeZone:string"
    ),
    "FreeBusyRequestItem": "id:string",
    "Events": (
        "accessRole:string defaultReminders:[EventReminder] description:string etag:string items:[Event] kind:string "
        "nextPageToken:string nextSyncToken:string summary:string timeZone:string updated:date-time"
    ),
    "CalendarList": "etag:string items:[CalendarListEntry] kind:string nextPageToken:string nextSyncToken:string",
    "CalendarListEntry": (
        "accessRole:string autoAcceptInvitations:boolean backgroundColor:string colorId:string "
        "conferenceProperties:ConferenceProperties dataOwner:string defaultReminders:[EventReminder] deleted:boolean "
        "description:string etag:string foregroundColor:string hidden:boolean id:string kind:string location:string "
        "notificationSettings:CalendarListEntry.notificationSettings primary:boolean selected:boolean summary:string "
        "summaryOverride:string timeZone:string"
    ),
    "CalendarListEntry.notificationSettings": "notifications:[CalendarNotification]",
    "ConferenceProperties": "allowedConferenceSolutionTypes:[string]",
    "CalendarNotification": "method:string type:string",
    "FreeBusyResponse": (
        "calendars:{FreeBusyCalendar} groups:{FreeBusyGroup} kind:string timeMax:date-time timeMin:date-time"
    ),
    "FreeBusyCalendar": "busy:[TimePeriod] errors:[Error]",
    "TimePeriod": "end:date-time start:date-time",
    "Error": "domain:string reason:string",
    "FreeBusyGroup": "calendars:[string] errors:[Error]",
}

SCHEMAS: dict[str, dict[str, str]] = {
    name: dict(field.split(":", 1) for field in fields.split()) for name, fields in _FIELDS.items()
}
"""Schema -> field -> type."""

_VALUES = {
    "CalendarListEntry.accessRole": "freeBusyReader reader writerWithoutPrivateAccess writer owner",
    "CalendarNotification.method": "email",
    "CalendarNotification.type": "eventCreation eventChange eventCancellation eventResponse agenda",
    "ConferenceProperties.allowedConferenceSolutionTypes": "eventHangout eventNamedHangout hangoutsMeet",
    "ConferenceRequestStatus.statusCode": "pending success failure",
    "ConferenceSolutionKey.type": "eventHangout eventNamedHangout hangoutsMeet addOn",
    "EntryPoint.entryPointType": "video phone sip more",
    "Error.reason": "groupTooBig tooManyCalendarsRequested notFound internalError",
    "Event.eventType": "birthday default focusTime fromGmail outOfOffice workingLocation",
    "Event.gadget.display": "icon chip",
    "Event.status": "confirmed tentative cancelled",
    "Event.transparency": "opaque transparent",
    "Event.visibility": "default public private confidential",
    "EventAttendee.asyncOperation": "inProgress",
    "EventAttendee.responseStatus": "needsAction declined tentative accepted",
    "EventBirthdayProperties.type": "anniversary birthday custom other self",
    "EventReminder.method": "email popup",
    "EventWorkingLocationProperties.type": "homeOffice officeLocation customLocation",
    "Events.accessRole": "none freeBusyReader reader writerWithoutPrivateAccess writer owner",
}

ENUMS: dict[str, tuple[str, ...]] = {name: tuple(values.split()) for name, values in _VALUES.items()}
"""Schema.field -> the values that its description lists."""

_METHODS = {
    "events.insert": (
        "conferenceDataVersion:integer eventLabelVersion:integer maxAttendees:integer sendNotifications:boolean "
        "sendUpdates:all|externalOnly|none supportsAttachments:boolean"
    ),
    "events.patch": (
        "alwaysIncludeEmail:boolean conferenceDataVersion:integer eventLabelVersion:integer maxAttendees:integer "
        "sendNotifications:boolean sendUpdates:all|externalOnly|none supportsAttachments:boolean"
    ),
    "events.update": (
        "alwaysIncludeEmail:boolean conferenceDataVersion:integer eventLabelVersion:integer maxAttendees:integer "
        "sendNotifications:boolean sendUpdates:all|externalOnly|none supportsAttachments:boolean"
    ),
    "events.delete": "sendNotifications:boolean sendUpdates:all|externalOnly|none",
    "events.get": "alwaysIncludeEmail:boolean maxAttendees:integer timeZone:string",
    "events.list": (
        "alwaysIncludeEmail:boolean eventTypes:birthday|default|focusTime|fromGmail|outOfOffice|workingLocation "
        "iCalUID:string maxAttendees:integer maxResults:integer orderBy:startTime|updated pageToken:string "
        "privateExtendedProperty:string q:string sharedExtendedProperty:string showDeleted:boolean "
        "showHiddenInvitations:boolean singleEvents:boolean syncToken:string timeMax:date-time timeMin:date-time "
        "timeZone:string updatedMin:date-time"
    ),
    "events.instances": (
        "alwaysIncludeEmail:boolean maxAttendees:integer maxResults:integer originalStart:string pageToken:string "
        "showDeleted:boolean timeMax:date-time timeMin:date-time timeZone:string"
    ),
    "events.watch": (
        "alwaysIncludeEmail:boolean eventTypes:birthday|default|focusTime|fromGmail|outOfOffice|workingLocation "
        "iCalUID:string maxAttendees:integer maxResults:integer orderBy:startTime|updated pageToken:string "
        "privateExtendedProperty:string q:string sharedExtendedProperty:string showDeleted:boolean "
        "showHiddenInvitations:boolean singleEvents:boolean syncToken:string timeMax:date-time timeMin:date-time "
        "timeZone:string updatedMin:date-time"
    ),
    "calendarList.list": (
        "maxResults:integer minAccessRole:freeBusyReader|owner|reader|writer|writerWithoutPrivateAccess "
        "pageToken:string showDeleted:boolean showHidden:boolean showOwnOrganizationOnly:boolean syncToken:string"
    ),
    "calendarList.get": "",
    "channels.stop": "",
    "freebusy.query": "",
}

PARAMETERS: dict[str, dict[str, str]] = {
    name: dict(each.split(":", 1) for each in parameters.split()) for name, parameters in _METHODS.items()
}
"""Method -> query parameter -> type, or its values joined by |."""

COMMON = frozenset({"alt", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"})
"""Parameters that every method takes."""

_SCOPES = {
    "events.insert": "calendar calendar.app.created calendar.events calendar.events.owned",
    "events.patch": "calendar calendar.app.created calendar.events calendar.events.owned",
    "events.update": "calendar calendar.app.created calendar.events calendar.events.owned",
    "events.delete": "calendar calendar.app.created calendar.events calendar.events.owned",
    "events.get": (
        "calendar calendar.app.created calendar.events calendar.events.freebusy calendar.events.owned "
        "calendar.events.owned.readonly calendar.events.public.readonly calendar.events.readonly calendar.readonly"
    ),
    "events.list": (
        "calendar calendar.app.created calendar.events calendar.events.freebusy calendar.events.owned "
        "calendar.events.owned.readonly calendar.events.public.readonly calendar.events.readonly calendar.readonly"
    ),
    "events.instances": (
        "calendar calendar.app.created calendar.events calendar.events.freebusy calendar.events.owned "
        "calendar.events.owned.readonly calendar.events.public.readonly calendar.events.readonly calendar.readonly"
    ),
    "events.watch": (
        "calendar calendar.app.created calendar.events calendar.events.freebusy calendar.events.owned "
        "calendar.events.owned.readonly calendar.events.public.readonly calendar.events.readonly calendar.readonly"
    ),
    "calendarList.list": "calendar calendar.calendarlist calendar.calendarlist.readonly calendar.readonly",
    "calendarList.get": (
        "calendar calendar.app.created calendar.calendarlist calendar.calendarlist.readonly calendar.readonly"
    ),
    "channels.stop": (
        "calendar calendar.acls calendar.acls.readonly calendar.app.created calendar.calendarlist "
        "calendar.calendarlist.readonly calendar.events calendar.events.freebusy calendar.events.owned "
        "calendar.events.owned.readonly calendar.events.public.readonly calendar.events.readonly calendar.readonly "
        "calendar.settings calendar.settings.readonly"
    ),
    "freebusy.query": "calendar calendar.events.freebusy calendar.freebusy calendar.readonly",
}

SCOPES = {name: frozenset(scopes.split()) for name, scopes in _SCOPES.items()}
"""Method -> scopes of which one is enough, without the address before them."""
