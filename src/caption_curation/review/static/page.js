"use strict";
// A page of samples at a time; every decision is sent at once. Text from data is never markup.

const list = document.getElementById("samples");
const filter = document.getElementById("filter");
const problem = document.getElementById("problem");
const template = document.getElementById("card");
const buttons = { previous: document.getElementById("previous"), next: document.getElementById("next") };
const SIGNS = {
  accept: "✓ accepted", reject: "✗ rejected", caption: "✎ another caption", remove: "− removed",
};
let shown = [];  // {row, card} of this page
let current = 0;  // which of them the keys are for
let waiting = Promise.resolve();  // requests go one after another

async function ask(path, body) {
  const options = { headers: { Accept: "application/json" } };
  if (body) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  if (answer.redirected) location.reload();  // the password is asked for again
  const content = await answer.json();
  if (answer.ok) return content;
  throw Object.assign(new Error(content.message), { content });
}

function complain(error) {
  const lost = error instanceof TypeError;
  problem.textContent = lost ? "The server cannot be reached; nothing was saved. Is it still running?" : error.message;
  problem.hidden = false;
  problem.scrollIntoView({ block: "nearest" });
}

function inTurn(work) {
  waiting = waiting.then(work).then(() => { list.ariaBusy = "false"; }, (error) => { list.ariaBusy = "false"; complain(error); });
  return waiting;
}

function load(where = {}, last = false) {
  list.ariaBusy = "true";
  return inTurn(async () => {
    const query = new URLSearchParams([...new FormData(filter), ...Object.entries(where)]);
    const found = await ask(`samples?${query}`);
    shown = found.rows.map((row) => ({ row, card: cardOf(row) }));
    list.replaceChildren(...shown.map((each) => each.card));
    if (!shown.length) list.append(element("p", "No sample is like that.", "empty"));
    const end = found.begin + shown.length;
    document.getElementById("place").textContent =
      shown.length ? `${found.begin + 1}–${end} of ${found.total}` : "0 of 0";
    buttons.previous.disabled = found.begin === 0;
    buttons.next.disabled = end >= found.total;
    progress(found);
    choose(last ? shown.length - 1 : 0);
    if (!("after" in where) && !("before" in where)) return;
    if (!last) scrollTo({ top: 0 });
  });
}

function progress(found) {
  document.getElementById("progress").textContent = `${found.done} of ${found.chosen} decided`;
  document.getElementById("bar").value = found.done;
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const rounded = (value) => value.toFixed(3);

function cardOf(row) {
  const card = template.content.firstElementChild.cloneNode(true);
  const find = (selector) => card.querySelector(selector);
  card.dataset.sample = row.sample_id;
  find(".name").textContent = row.sample_id;
  picture(find("img.before"), row, "before");
  if (row.new_image) picture(find("img.after"), row, "after");
  else find(".new").remove();
  find(".captions").append(...captionsOf(row));
  find(".facts").textContent = factsOf(row).join(" · ");
  row.siblings.forEach((sibling, position) => {
    const line = element("li");
    const pick = element("button", sibling.caption);
    pick.type = "button";
    pick.dataset.pick = position;
    line.append(pick, sibling.loss === null ? "" : ` (${rounded(sibling.loss)})`);
    find(".siblings").append(line);
  });
  find("[name=caption]").maxLength = list.dataset.longest;
  mark(card, row);
  return card;
}

function picture(image, row, which) {
  image.addEventListener("load", () => {
    const small = Math.max(image.naturalWidth, image.naturalHeight) <= list.dataset.lowResolution;
    image.classList.toggle("drawn", small);
  });
  image.src = `image/${row.number}/${which}`;
}

function captionsOf(row) {
  if (row.proposed === null) return [element("span", "To be removed", "label"), wrapped([[row.caption, true]], "del")];
  if (row.words === null) return [element("span", row.caption)];
  const [before, after] = row.words;
  return [
    element("span", "Before", "label"), wrapped(before, "del"),
    element("span", "After", "label"), wrapped(after, "ins"),
  ];
}

function wrapped(words, name) {
  const line = element("span");
  for (const [word, differs] of words) line.append(differs ? element(name, word) : word, " ");
  return line;
}

function factsOf(row) {
  const facts = Object.entries(row.evidence).map(([name, value]) =>
    `${name} ${rounded(value)}${name === "score" && list.dataset.unit ? ` ${list.dataset.unit}` : ""}`);
  if (row.loss !== null && row.loss !== row.evidence.score) facts.push(`loss ${rounded(row.loss)} ${list.dataset.lossUnit}`);
  facts.push(row.action.replace("_", " "));
  if (row.reason) facts.push(row.reason.replace("_", " "));
  if (!row.accepted) facts.push(`turned down by ${row.decided_by} unless you accept it`);
  return facts;
}

const said = ({ decision, caption }) => SIGNS[decision] + (caption && `: ${caption}`);

function mark(card, row) {
  const decided = row.decided;
  card.classList.toggle("decided", decided !== null);
  card.querySelector(".status").textContent = decided ? said(decided) : "undecided";
  for (const button of card.querySelectorAll(".buttons button")) {
    button.ariaPressed = String(decided !== null && button.dataset.decision === decided.decision);
  }
  card.querySelector("[data-decision=undo]").disabled = decided === null;
  card.querySelector("[name=caption]").value = decided ? decided.caption : "";
}

function choose(position) {
  if (position < 0 || position >= shown.length) return;
  for (const { card } of shown) card.removeAttribute("aria-current");
  current = position;
  shown[current].card.setAttribute("aria-current", "true");
}

function move(step) {
  const position = current + step;
  if (position >= 0 && position < shown.length) {
    choose(position);
    shown[current].card.scrollIntoView({ block: "nearest" });
    shown[current].card.focus({ preventScroll: true });
  } else if (position < 0) turn("before");
  else turn("after");
}

function turn(where) {
  const button = where === "after" ? buttons.next : buttons.previous;
  if (button.disabled || !shown.length) return;
  const edge = shown.at(where === "after" ? -1 : 0).row.number;
  load({ [where]: edge }, where === "before").then(() => shown[current]?.card.focus());
}

function decide(position, decision, caption = "") {
  const { row, card } = shown[position];
  list.ariaBusy = "true";
  const decided = decision === "undo" ? null : { decision, caption };
  const goesOn = decided !== null && position === current;
  const turns = position === shown.length - 1;  // the page, when this is saved
  if (goesOn && !turns) move(1);
  return inTurn(async () => {
    try {
      const answer = await ask("decide", { sample_id: row.sample_id, decision: decided, instead_of: row.decided });
      row.decided = answer.decided;
      problem.hidden = true;
      progress(answer);
    } catch (error) {
      if (error.content && "decided" in error.content) row.decided = error.content.decided;
      throw error;
    } finally {
      mark(card, row);
    }
    if (goesOn && turns && shown[current]?.row === row) move(1);
  });
}

function typed(position) {
  const caption = shown[position].card.querySelector("[name=caption]").value.trim();
  if (!caption) return complain(new Error("Type the caption first."));
  return decide(position, "caption", caption);
}

const KEYS = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  j: () => move(1),
  k: () => move(-1),
  a: () => decide(current, "accept"),
  r: () => decide(current, "reject"),
  x: () => decide(current, "remove"),
  u: () => decide(current, "undo"),
  c: () => shown[current].card.querySelector("[name=caption]").select(),
  n: () => turn("after"),
  p: () => turn("before"),
  "/": () => filter.elements.text.select(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Escape") {
    document.activeElement.blur();
    return;
  }
  if (event.target.matches("input, select")) return;
  if (event.repeat && !event.key.startsWith("Arrow")) return;
  if (/^[1-9]$/.test(event.key) && shown.length) {
    const sibling = shown[current].row.siblings[Number(event.key) - 1];
    if (sibling) decide(current, "caption", sibling.caption);
  } else if (Object.hasOwn(KEYS, event.key) && (shown.length || event.key === "/")) KEYS[event.key]();
  else return;
  event.preventDefault();
});

const placeOf = (target) => shown.findIndex(({ card }) => card.contains(target));

list.addEventListener("click", (event) => {
  const position = placeOf(event.target);
  if (position < 0) return;
  choose(position);
  const button = event.target.closest("button");
  if (button?.dataset.decision) decide(position, button.dataset.decision);
  if (button?.dataset.pick) decide(position, "caption", shown[position].row.siblings[button.dataset.pick].caption);
});
list.addEventListener("focusin", (event) => {
  const position = placeOf(event.target);
  if (position >= 0) choose(position);
});
list.addEventListener("submit", (event) => {
  event.preventDefault();
  typed(placeOf(event.target));
});
filter.addEventListener("submit", (event) => event.preventDefault());
let pause = 0;
filter.addEventListener("input", () => {
  clearTimeout(pause);
  problem.hidden = true;
  pause = setTimeout(load, 250);
});
buttons.previous.addEventListener("click", () => turn("before"));
buttons.next.addEventListener("click", () => turn("after"));
load();
