"use strict";
// Unsaved marks survive a closed tab; "No error" excludes the rest; keys set marks.

const form = document.getElementById("annotation");
const boxes = [...form.querySelectorAll("[name=category]")];
const noError = form.elements.no_error;
const comment = form.elements.comment;
const draftKey = `annotation-draft/${form.dataset.draft}`;

function saveDraft() {
  const draft = {
    savedAt: form.dataset.savedAt,
    categories: boxes.filter((box) => box.checked).map((box) => box.value),
    noError: noError.checked,
    comment: comment.value,
  };
  try {
    localStorage.setItem(draftKey, JSON.stringify(draft));
  } catch {
    // No storage in this browser: only the marks of this image could be lost.
  }
}

function restoreDraft() {
  let draft = null;
  try {
    draft = JSON.parse(localStorage.getItem(draftKey));
  } catch {
    return;
  }
  if (draft === null) return;
  if (draft.savedAt !== form.dataset.savedAt) {  // the image has been saved since
    localStorage.removeItem(draftKey);
    return;
  }
  for (const box of boxes) box.checked = draft.categories.includes(box.value);
  noError.checked = draft.noError;
  comment.value = draft.comment;
}

function exclude(changed) {
  if (!changed.checked) return;
  if (changed === noError) for (const box of boxes) box.checked = false;
  else if (changed.name === "category") noError.checked = false;
}

function toggleAbout(button) {
  const isOpen = button.parentElement.classList.toggle("open");
  button.setAttribute("aria-expanded", String(isOpen));
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Escape") {
    document.activeElement.blur();
    for (const category of form.querySelectorAll(".category")) category.classList.add("quiet");
    return;
  }
  if (event.target === comment) return;
  const isButton = event.target instanceof HTMLButtonElement;
  const box = form.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key.toLowerCase())}"]`);
  if (box === comment) comment.focus();
  else if (box) box.click();
  else if (event.key === "ArrowRight" || (event.key === "Enter" && !isButton)) go("next");
  else if (event.key === "ArrowLeft") go("back");
  else return;
  event.preventDefault();
}

function go(where) {
  form.requestSubmit(form.querySelector(`footer [value=${where}]`));
}

restoreDraft();
form.addEventListener("input", (event) => {
  exclude(event.target);
  document.getElementById("problem").hidden = true;
  saveDraft();
});
form.addEventListener("click", (event) => {
  if (event.target.matches(".category .ask")) toggleAbout(event.target);
});
form.addEventListener("pointerover", (event) => {
  const category = event.target.closest(".category");
  if (category) category.classList.remove("quiet");
});
document.addEventListener("keydown", press);
const current = form.querySelector("[aria-current]");
current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.clientWidth / 2;
