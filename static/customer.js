// Shows times in the visitor's own zone without being asked. Everything works without this file.
const shown = document.currentScript.dataset.zone;
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const chosen = new URLSearchParams(location.search).has("tz") || document.cookie.split("; ").some((c) => c.startsWith("tz="));

if (own && own !== shown && !chosen && !document.querySelector("form[method=post]")) {
  const there = new URL(location.href);
  there.searchParams.set("tz", own);
  location.replace(there);
}

document.querySelector("[data-focus]")?.focus();
document.querySelector(".zone select")?.addEventListener("change", (event) => event.target.form.requestSubmit());
