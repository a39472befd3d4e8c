// Names for the admin's landmarks, scrolling regions and select boxes, for people who do not see the page.
"use strict";

window.addEventListener("load", () => {
  document.getElementById("main")?.setAttribute("role", "main");
  name("#nav-sidebar-inner", "Admin");
  name("#tabs-items", "Parts of this page");
  name("#nav-sidebar .simplebar-content-wrapper", "Sections of the admin");
  document.querySelectorAll("#main .simplebar-content-wrapper").forEach((region, number) => {
    region.setAttribute("aria-label", number ? `Table ${number + 1}` : "Table");
  });
  nameSelectBoxes();
  new MutationObserver(nameSelectBoxes).observe(document.body, { childList: true, subtree: true });
});

function nameSelectBoxes() {
  document.querySelectorAll(".select2-selection:not([aria-label])").forEach(nameLikeItsLabel);
}

function name(selector, text) {
  document.querySelector(selector)?.setAttribute("aria-label", text);
}

function nameLikeItsLabel(box) {
  const select = box.closest(".select2-container")?.previousElementSibling;
  const label = select?.labels?.[0]?.textContent.replace("*", "").trim() || select?.name;
  const chosen = box.querySelector(".select2-selection__rendered");
  if (!label) return;
  box.removeAttribute("aria-labelledby");
  box.setAttribute("aria-label", label);
  if (chosen) {
    chosen.removeAttribute("role");
    chosen.removeAttribute("aria-readonly");
    box.setAttribute("aria-describedby", chosen.id);
  }
}
