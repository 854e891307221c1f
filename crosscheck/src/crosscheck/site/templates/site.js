// Search in all pages of this language, and keys: / searches, arrows go to the previous and the next page.
"use strict";
const form = document.getElementById("search");
const field = document.getElementById("words");
const found = document.getElementById("found");
const SHOWN = 12;
const ENOUGH = .7;  // of the pairs of a word

// Chinese and Japanese have no spaces between words: their runs are searched by pairs of characters.
function grams(word) {
  const parts = word.match(/[\u3040-\u30ff\u3400-\u9fff]+|[^\u3040-\u30ff\u3400-\u9fff]+/g) ?? [];
  return parts.flatMap(part => /[\u3040-\u9fff]/.test(part) && part.length > 2
    ? [...part].slice(1).map((_, i) => part.slice(i, i + 2)) : [part]);
}

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !words.length;
  if (!words.length) return;
  const fits = (page, pieces) => pieces.filter(piece => page.all.includes(piece)).length >= ENOUGH * pieces.length;
  const pieces = words.map(grams);
  const rank = page => 2 * words.every(word => page.low.includes(word)) + words.every(word => page.all.includes(word));
  const hits = INDEX.filter(page => pieces.every(found => fits(page, found)))
    .sort((a, b) => rank(b) - rank(a));
  const list = document.createElement("ul");
  for (const page of hits.slice(0, SHOWN)) {
    const item = list.appendChild(document.createElement("li"));
    const link = item.appendChild(document.createElement("a"));
    link.href = page.url;
    link.textContent = page.title;
    const at = Math.max(page.text.toLowerCase().indexOf(words[0]) - 40, 0);
    const around = item.appendChild(document.createElement("small"));
    around.textContent = ` ${at ? "…" : ""}${page.text.slice(at, at + 120)}…`;
  }
  const count = document.createElement("p");
  count.textContent = `${hits.length} / ${INDEX.length}`;
  found.replaceChildren(list, count);
}

for (const page of INDEX) {
  page.low = page.title.toLowerCase();
  page.all = `${page.low} ${page.text.toLowerCase()}`;
}
form.hidden = false;
form.addEventListener("submit", event => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
field.addEventListener("input", search);
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && document.activeElement === field) {
    field.value = "";
    search();
    field.blur();
  } else if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) || document.activeElement.tabIndex === 0 && document.activeElement.matches("pre, .scroll")) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    field.focus();
  } else if (event.key === "ArrowLeft") {
    document.querySelector("a[rel=prev]")?.click();
  } else if (event.key === "ArrowRight") {
    document.querySelector("a[rel=next]")?.click();
  }
});

const rows = document.getElementById("rows");
if (rows) {
  const table = [...document.querySelectorAll(".matrix tbody tr:not(.group)")].map(row => ({
    row, text: row.firstElementChild.textContent.toLowerCase(), states: [...row.querySelectorAll("td[class]")].map(td => td.className),
  }));
  const filter = () => {
    const { text, state, column } = Object.fromEntries(new FormData(rows));
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const one of table) {
      const states = column ? [one.states[column]] : one.states;
      one.row.hidden = !(words.every(word => one.text.includes(word)) && (!state || states.includes(state)));
      shown += !one.row.hidden;
    }
    for (const body of document.querySelectorAll(".matrix tbody")) {
      body.hidden = !body.querySelector("tr:not(.group):not([hidden])");
    }
    rows.querySelector("output").textContent = `${shown} / ${table.length}`;
  };
  rows.addEventListener("input", filter);
  rows.addEventListener("submit", event => event.preventDefault());
  rows.hidden = false;
  filter();
}
