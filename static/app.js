// Small conveniences for staff pages. Everything works without them.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  const said = button.innerHTML;
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
  } catch {
    if (field.select) field.select();
    else getSelection().selectAllChildren(field);
    document.execCommand("copy");
  }
  button.textContent = button.dataset.copied || "Copied";
  setTimeout(() => (button.innerHTML = said), 2000);
});

// A read-only link is selected by one click or by reaching it with the keyboard.
document.addEventListener("focusin", (event) => {
  if (event.target.matches("input[readonly]")) event.target.select();
});

// What an answer swapped in asks to be looked at first: an error summary, a new link.
document.addEventListener("htmx:afterSwap", (event) => {
  const wanted = event.target.querySelector("[data-focus]"); // event.detail.target may be what was swapped out
  if (wanted) wanted.focus();
});

// A form refused with 422 or 409 comes back with its errors; show it instead of dropping it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if ([409, 422].includes(event.detail.xhr.status)) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// What must not be made twice: a second click on the way to the answer sends nothing.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-once]");
  if (!form) return;
  if (form.dataset.once === "sent") event.preventDefault();
  form.dataset.once = "sent";
});
addEventListener("pageshow", () => document.querySelectorAll("[data-once]").forEach((form) => (form.dataset.once = "")));
