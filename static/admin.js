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
  document.querySelectorAll(".select2-selection").forEach(nameLikeItsLabel);
});

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
    box.setAttribute("aria-describedby", chosen.id);
  }
}
