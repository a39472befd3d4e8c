// Shows times in the visitor's own zone without being asked, and lets arrows walk through the calendar. Everything
// works without this file.
const shown = document.currentScript.dataset.zone;
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const chosen = new URLSearchParams(location.search).has("tz") || document.cookie.split("; ").some((c) => c.startsWith("tz="));

if (own && own !== shown && !chosen && document.querySelector(".zone")) {
  const there = new URL(location.href);
  there.searchParams.set("tz", own);
  location.replace(there);
}

document.querySelector("[data-focus]")?.focus();
document.querySelector(".zone select")?.addEventListener("change", (event) => event.target.form.requestSubmit());

// Arrows go to the next day that has times in that direction, Home and End to the first and the last of the month,
// PageUp and PageDown to another month.
const days = document.querySelector(".days");
days?.addEventListener("keydown", (event) => {
  const here = event.target.closest(".day");
  if (!here || event.altKey || event.ctrlKey || event.metaKey) return;
  const sideways = document.dir === "rtl" ? -1 : 1;
  const cells = [...days.querySelectorAll("td")];
  const at = cells.indexOf(here.closest("td"));
  const free = (index) => cells[index]?.querySelector("a.day");
  const walk = (step) => {
    for (let index = at + step; index >= 0 && index < cells.length; index += step) if (free(index)) return free(index);
  };
  const turn = (rel) => document.querySelector(`.month-head a[rel=${rel}]`)?.click();
  const target = {
    ArrowRight: () => walk(sideways),
    ArrowLeft: () => walk(-sideways),
    ArrowDown: () => walk(7),
    ArrowUp: () => walk(-7),
    Home: () => days.querySelector("a.day"),
    End: () => [...days.querySelectorAll("a.day")].pop(),
    PageDown: () => turn("next"),
    PageUp: () => turn("prev"),
  }[event.key];
  if (!target) return;
  event.preventDefault();
  target()?.focus();
});
