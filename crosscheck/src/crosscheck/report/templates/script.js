// The theme, and the filters of the matrix. Without this script the pages show everything.
"use strict";
const stored = (() => { try { return localStorage; } catch { return {}; } })();  // absent where a browser forbids it
const themes = ["system", "light", "dark"];

function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  const button = document.getElementById("theme");
  if (button) button.textContent = button.dataset[name] || `Theme: ${name}`;
}

let theme = themes.includes(stored["crosscheck-theme"]) ? stored["crosscheck-theme"] : "system";
setTheme(theme);  // before the page is drawn

document.addEventListener("DOMContentLoaded", () => {
  setTheme(theme);
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    stored["crosscheck-theme"] = theme;
    setTheme(theme);
  });
  const form = document.getElementById("filters");
  if (form) filters(form);
});

function filters(form) {
  const rows = [...document.querySelectorAll(".matrix tbody tr:not(.group)")].map(row => ({
    row,
    text: row.dataset.text.toLowerCase(),
    cells: [...row.querySelectorAll("td")].flatMap(td => td.dataset.cells.trim().split(" ").filter(Boolean).map(cell => {
      const [dtype, state] = cell.split(":");
      return { framework: td.dataset.framework, dtype, state };
    })),
  }));
  const bodies = [...document.querySelectorAll(".matrix tbody")];
  const style = document.head.appendChild(document.createElement("style"));

  function apply() {
    const wanted = Object.fromEntries(new FormData(form));
    const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = cell => ["framework", "dtype", "state"].every(key => !wanted[key] || cell[key] === wanted[key]);
    let shown = 0;
    for (const { row, text, cells } of rows) {
      row.hidden = !(words.every(word => text.includes(word)) && cells.some(fits));
      shown += !row.hidden;
    }
    for (const body of bodies) body.hidden = !body.querySelector("tr:not(.group):not([hidden])");
    const hide = [];
    if (wanted.dtype) hide.push(`.matrix [data-dtype]:not([data-dtype="${wanted.dtype}"])`);
    style.textContent = hide.length ? `${hide.join(", ")} { display: none !important; }` : "";
    form.querySelector("output").textContent = `${shown} of ${rows.length} computations`;
    return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
  }

  function fromHash() {
    const hash = location.hash.slice(1);
    if (!hash.includes("=")) return apply();
    const given = new URLSearchParams(hash);
    for (const field of form.elements) if (field.name) field.value = given.get(field.name) ?? "";
    apply();
    document.getElementById("matrix").scrollIntoView();
  }

  function changed() {
    history.replaceState(null, "", `#${apply()}`);
  }

  function clear() {
    for (const field of form.elements) if (field.name) field.value = "";
    changed();
  }

  form.addEventListener("input", changed);
  form.querySelector("button").addEventListener("click", clear);
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", fromHash);
  addEventListener("keydown", event => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      form.elements.text.focus();
    } else if (event.key === "Escape" && document.activeElement === form.elements.text) {
      clear();
    }
  });
  form.hidden = false;
  fromHash();
}
