// The grid of days: drag to make, move and resize, the same with keys, and a line that follows the clock.
// Everything it does is also a link or a form; the server decides, and what it refuses goes back to its place.

const QUARTER = 15;
const page = () => document.getElementById("week-page");
const grid = () => document.getElementById("grid");
const toasts = document.getElementById("toasts");
const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
const padded = (number) => String(number).padStart(2, "0");

// Wall times: a date (ISO) and a minute of its day, which may lie before or after it.
const wallTime = (date, minute) => {
  const day = new Date(`${date}T00:00:00Z`);
  day.setUTCMinutes(minute);
  return day.toISOString().slice(0, 16);
};
const clock = (minute) => `${padded(Math.floor(minute / 60) % 24)}:${padded(minute % 60)}`;

function toast(message, { undo = null, bad = false } = {}) {
  const box = document.createElement("p");
  box.className = bad ? "toast bad" : "toast";
  box.append(message);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = toasts.dataset.undo;
    button.addEventListener("click", async () => {
      box.remove();
      if (await send(undo.url, undo.fields)) toast(toasts.dataset.undone);
    });
    box.append(button);
  }
  toasts.replaceChildren(box);
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : box.remove());
  setTimeout(leave, undo || bad ? 12000 : 5000);
}

// Post to the server, draw the grid anew, and say what came of it; the answer, or null when it was refused.
async function send(url, fields) {
  let answer = null;
  let said = null;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRFToken": token() },
      body: new URLSearchParams(fields),
    });
    said = await answer.json();
  } catch {
    toast(toasts.dataset.offline, { bad: true });
    return null;
  }
  await redraw();
  if (!answer.ok) toast(said.message, { bad: true });
  return answer.ok ? said : null;
}

async function redraw() {
  const focused = document.activeElement?.closest?.("#grid [data-event]");
  const mark = focused && [focused.dataset.event, focused.dataset.at];
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("week-page");
  const place = grid().scrollLeft;
  page().replaceWith(fresh);
  grid().scrollLeft = place;
  begin();
  if (mark) find(...mark)?.focus({ preventScroll: true });
}

const find = (event, at) =>
  [...grid().querySelectorAll(`[data-event="${event}"]`)].find((each) => each.dataset.at === at);

// How far a change of an event that repeats goes; null when it is not made after all.
function ask(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue || null), { once: true });
    dialog.showModal();
  });
}

async function move(link, start, end) {
  const fields = { start, end, tz: page().dataset.timezone };
  if (link.dataset.at !== undefined) {
    const scope = await ask(document.getElementById("scope"));
    if (!scope) return redraw();
    Object.assign(fields, { at: link.dataset.at, scope });
  }
  const done = await send(`/events/${link.dataset.event}/move`, fields);
  if (done) toast(done.message, { undo: done.undo });
}

async function remove(link) {
  const fields = {};
  if (link.dataset.at !== undefined) {
    const scope = await ask(document.getElementById("scope"));
    if (!scope) return;
    Object.assign(fields, { at: link.dataset.at, scope });
  }
  const done = await send(`/events/${link.dataset.event}/delete`, fields);
  if (done) toast(done.message, { undo: done.undo });
}

async function make(column, from, to) {
  const dialog = document.getElementById("quick");
  const date = column.dataset.date;
  const more = new URLSearchParams({ day: date, time: clock(from), end: clock(to), tz: page().dataset.timezone });
  if (column.dataset.host) more.set("host", column.dataset.host);
  const day = column.querySelector("h2 .visually-hidden:last-child")?.textContent || date;
  document.getElementById("quick-when").textContent = `${day}, ${clock(from)} – ${clock(to)}`;
  document.getElementById("quick-more").href = `${page().dataset.new}?${more}`;
  const name = document.getElementById("quick-name");
  name.value = "";
  if ((await ask(dialog)) !== "make") return;
  const fields = { title: name.value, start: wallTime(date, from), end: wallTime(date, to) };
  const done = await send(page().dataset.quick, {
    ...fields,
    tz: page().dataset.timezone,
    ...(column.dataset.host ? { host: column.dataset.host } : {}),
  });
  if (done) toast(done.message, { undo: done.undo });
}

// --- With the pointer -------------------------------------------------------------------------------------------

const FAR_ENOUGH = 5; // pixels: less is a click
const EDGE = 7; // pixels at the end of a box by which it is made longer or shorter
const HOLD = 350; // milliseconds after which a finger means to drag, not to scroll
let drag = null;
let justDragged = false;

const columnAt = (x, y) => document.elementsFromPoint(x, y).map((each) => each.closest(".week-day")).find(Boolean);
const hoursOf = (column) => column.querySelector(".hours");
const rowHeight = (column) => hoursOf(column).getBoundingClientRect().height / Number(column.dataset.rows);
const firstMinute = (column) => Number(column.dataset.firstHour) * 60;
const minuteAt = (column, y) => {
  const row = Math.floor((y - hoursOf(column).getBoundingClientRect().top) / rowHeight(column));
  return firstMinute(column) + Math.max(0, Math.min(Number(column.dataset.rows) - 1, row)) * QUARTER;
};
const isDrawn = (column) => column && getComputedStyle(hoursOf(column).querySelector(".hour-line")).display !== "none";

function press(event) {
  if (event.button || !event.isPrimary || !event.target.closest("#grid .hours, #grid [data-event]")) return;
  const column = event.target.closest(".week-day");
  if (!isDrawn(column)) return;
  const link = event.target.closest(".event");
  if (link && !link.dataset.event) return;
  const place = link?.closest(".place");
  if (link && !place && link.dataset.allDay === undefined) return;
  const under = place && event.clientY > place.getBoundingClientRect().bottom - EDGE;
  drag = {
    kind: !link ? "make" : under ? "resize" : "move",
    link,
    place,
    column,
    id: event.pointerId,
    x: event.clientX,
    y: event.clientY,
    active: false,
    ready: event.pointerType === "mouse",
  };
  if (!drag.ready) drag.timer = setTimeout(() => drag && (drag.ready = true), HOLD);
}

function pull(event) {
  if (!drag || event.pointerId !== drag.id) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) >= FAR_ENOUGH;
  if (!drag.active && far && !drag.ready) return drop();
  if (!drag.active && far) start();
  if (!drag.active) return;
  event.preventDefault();
  draw(event);
}

function start() {
  drag.active = true;
  document.body.classList.add("dragging");
  const list = hoursOf(drag.column);
  if (drag.kind === "make") {
    drag.ghost = document.createElement("li");
    drag.ghost.className = "ghost";
    list.append(drag.ghost);
  } else {
    (drag.place || drag.link).classList.add("dragged");
  }
}

function draw(event) {
  const { column, kind, place } = drag;
  if (kind === "make") {
    const a = minuteAt(column, drag.y);
    const b = minuteAt(column, event.clientY);
    drag.from = Math.min(a, b);
    drag.to = Math.max(a, b) + QUARTER;
    const row = (drag.from - firstMinute(column)) / QUARTER;
    drag.ghost.style.gridRow = `${row + 1} / span ${(drag.to - drag.from) / QUARTER}`;
    drag.ghost.textContent = `${clock(drag.from)} – ${clock(drag.to)}`;
    return;
  }
  const rows = Math.round((event.clientY - drag.y) / rowHeight(column));
  if (kind === "resize") {
    drag.rows = Math.max(rows, 1 - Number(place.dataset.rows));
    place.style.gridRowEnd = `span ${Number(place.dataset.rows) + drag.rows}`;
    return;
  }
  const over = columnAt(event.clientX, event.clientY);
  drag.over = over && (!column.dataset.host || over.dataset.host === column.dataset.host) ? over : drag.over || column;
  drag.rows = drag.link.dataset.allDay === undefined ? rows : 0;
  const aside = drag.over.getBoundingClientRect().left - column.getBoundingClientRect().left;
  (place || drag.link).style.translate = `${aside}px ${drag.rows * rowHeight(column)}px`;
}

function release(event) {
  if (!drag || event.pointerId !== drag.id) return;
  const was = drag;
  drop();
  if (!was.active) return;
  justDragged = true;
  setTimeout(() => (justDragged = false));
  if (was.kind === "make") {
    was.ghost.remove();
    make(was.column, was.from, was.to);
  } else if (was.kind === "resize") {
    shift(was.link, 0, 0, was.rows);
  } else {
    const days = (Date.parse(was.over.dataset.date) - Date.parse(was.column.dataset.date)) / 86400000;
    shift(was.link, days, was.rows, 0);
  }
}

function drop() {
  clearTimeout(drag?.timer);
  document.body.classList.remove("dragging");
  drag = null;
}

function cancel() {
  if (!drag) return;
  const { ghost, place, link } = drag;
  ghost?.remove();
  for (const each of [place, link]) each && settle(each);
  drop();
}

function settle(box) {
  box.classList.remove("dragged");
  box.style.translate = box.style.gridRowEnd = "";
}

// Where a box stands, in the minutes of its column's day; it may begin before it and end after it.
function span(link) {
  const wall = (second) => {
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: page().dataset.timezone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    const parts = Object.fromEntries(format.formatToParts(new Date(second * 1000)).map((each) => [each.type, each.value]));
    const date = `${parts.year}-${parts.month}-${parts.day}`;
    return { date, minute: Number(parts.hour) * 60 + Number(parts.minute) };
  };
  const from = wall(Number(link.dataset.start));
  return { ...from, length: (Number(link.dataset.end) - Number(link.dataset.start)) / 60 };
}

// Move a box by days and quarter hours, and make it longer by quarter hours.
function shift(link, days, rows, longer) {
  const at = span(link);
  const day = link.dataset.allDay === undefined ? at.date : link.closest(".week-day").dataset.date;
  const allDay = link.dataset.allDay !== undefined;
  const from = (allDay ? 0 : at.minute) + days * 1440 + rows * QUARTER;
  const length = Math.max(QUARTER, at.length + longer * QUARTER);
  if (!days && !rows && !longer) return settle(link.closest(".place") || link);
  return move(link, wallTime(day, from), wallTime(day, from + length));
}

// --- With keys --------------------------------------------------------------------------------------------------

const LETTERS = "week-keys";
const lettersOn = () => localStorage.getItem(LETTERS) !== "off";
let steps = null;

function key(event) {
  if (event.key === "Escape") return steps ? takeBack() : cancel();
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const link = event.target.closest("#grid .event");
  if (link && onEvent(event, link)) return event.preventDefault();
  if (anywhere(event)) event.preventDefault();
}

const onward = getComputedStyle(document.documentElement).direction === "rtl" ? -1 : 1;
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-onward, 0], ArrowRight: [onward, 0] };

function onEvent(event, link) {
  const arrow = ARROWS[event.key];
  if (!arrow && event.key !== "Delete" && event.key !== "Backspace") return false;
  if (!link.dataset.event) {
    toast(toasts.dataset.fixed, { bad: true });
    return true;
  }
  if (!arrow) remove(link);
  else if (event.shiftKey && arrow[1]) step(link, 0, 0, arrow[1]);
  else if (!event.shiftKey) step(link, ...arrow, 0);
  return true;
}

// Several presses are one change: it is sent when no further one follows.
function step(link, days, rows, longer) {
  if (steps && steps.link !== link) return;
  steps ??= { link, days: 0, rows: 0, longer: 0 };
  steps.days += days;
  steps.rows += link.dataset.allDay === undefined ? rows : 0;
  steps.longer += link.dataset.allDay === undefined ? longer : 0;
  preview();
  clearTimeout(steps.timer);
  steps.timer = setTimeout(() => {
    const { days, rows, longer } = steps;
    steps = null;
    shift(link, days, rows, longer);
  }, 700);
}

function takeBack() {
  clearTimeout(steps.timer);
  settle(steps.link.closest(".place") || steps.link);
  steps = null;
}

function preview() {
  const { link, days, rows, longer } = steps;
  const column = link.closest(".week-day");
  const place = link.closest(".place");
  if (!isDrawn(column)) return;
  const height = rowHeight(column);
  (place || link).classList.add("dragged");
  (place || link).style.translate = `${days * onward * column.getBoundingClientRect().width}px ${rows * height}px`;
  if (place) place.style.gridRowEnd = `span ${Math.max(1, Number(place.dataset.rows) + longer)}`;
}

function anywhere(event) {
  if (event.shiftKey && event.key !== "?") return false;
  const { previous, next } = page().dataset;
  const goes = onward > 0 ? { ArrowLeft: previous, ArrowRight: next } : { ArrowLeft: next, ArrowRight: previous };
  if (event.target.closest("button, summary")) return false;
  if (lettersOn()) {
    Object.assign(goes, { t: page().dataset.today || "/", d: page().dataset.day, w: page().dataset.week });
    goes.n = page().dataset.new;
    if (event.key === "?") {
      document.getElementById("keys").showModal();
      return true;
    }
    if (event.key === "/") {
      const field = document.querySelector("input[type=search]");
      field?.focus();
      return Boolean(field);
    }
  }
  if (!goes[event.key]) return false;
  location.assign(new URL(goes[event.key], new URL("/", location.href)));
  return true;
}

// --- The clock --------------------------------------------------------------------------------------------------

function tick() {
  const line = grid().querySelector(".now-line");
  if (!line) return;
  const column = line.closest(".week-day");
  line.style.translate = `0 ${((Date.now() / 1000 - Number(line.dataset.from)) / 900) * rowHeight(column)}px`;
}

function begin() {
  tick();
  document.getElementById("keys-open").hidden = false;
  document.getElementById("keys-open").addEventListener("click", () => document.getElementById("keys").showModal());
  grid().addEventListener("touchmove", (event) => drag?.ready && event.preventDefault(), { passive: false });
}

document.addEventListener("pointerdown", press);
document.addEventListener("pointermove", pull);
document.addEventListener("pointerup", release);
document.addEventListener("pointercancel", cancel);
document.addEventListener("keydown", key);
document.addEventListener("contextmenu", (event) => drag && event.preventDefault());
document.addEventListener(
  "click",
  (event) => {
    if (justDragged) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.target.closest("[data-close-dialog]")) event.target.closest("dialog").close("");
  },
  true,
);
const letters = document.getElementById("keys-on");
letters.checked = lettersOn();
letters.addEventListener("change", () => localStorage.setItem(LETTERS, letters.checked ? "on" : "off"));
setInterval(tick, 20000);
begin();
