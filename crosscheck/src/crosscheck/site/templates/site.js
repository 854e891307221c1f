// Search in all pages of this language, and keys: / searches, arrows go to the previous and the next page.
"use strict";
const form = document.getElementById("search");
const field = document.getElementById("words");
const found = document.getElementById("found");
const SHOWN = 12;

function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !words.length;
  if (!words.length) return;
  const hits = INDEX.filter(page => words.every(word => page.all.includes(word)))
    .sort((a, b) => words.every(word => b.low.includes(word)) - words.every(word => a.low.includes(word)));
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
