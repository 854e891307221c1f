// The players: a program's forward and backward calls, one after another. At first, and without this script, a graph shows everything.
"use strict";
const PAUSE = 1200;  // milliseconds

function player(figure) {
  const frames = JSON.parse(figure.dataset.frames);
  const nodes = new Map([...figure.querySelectorAll("[data-node]")].map(node => [Number(node.dataset.node), node]));
  const edges = [...figure.querySelectorAll("[data-edge]")].map(edge => ({ edge, ends: edge.dataset.edge.split(" ").map(Number) }));
  const play = figure.querySelector("[data-do=play]");
  let at = frames.length, timer = null;

  function draw() {
    const shown = new Set(), grads = new Map();
    for (const frame of frames.slice(0, at)) {
      for (const node of frame.shown) shown.add(node);
      for (const [node, text] of frame.grads) grads.set(node, text);
    }
    const now = frames[at - 1], touched = new Set(now ? [...now.shown, ...now.grads.map(([node]) => node)] : []);
    for (const [number, node] of nodes) {
      node.classList.toggle("later", !shown.has(number));
      node.classList.toggle("now", Boolean(now) && number === now.node);
      node.classList.toggle("touched", touched.has(number));
      const gradient = node.querySelector(".gradient");
      if (gradient) gradient.textContent = grads.get(number) ? `∂ ${grads.get(number)}` : "";
    }
    for (const { edge, ends } of edges) {
      edge.classList.toggle("later", !ends.every(end => shown.has(end)));
      edge.classList.toggle("now", Boolean(now) && ends.includes(now.node));
    }
    figure.querySelector(".said").textContent = now ? now.said : "";
    figure.querySelector("output").textContent = `${at} / ${frames.length}`;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = play.dataset.play;
  }

  function go(to) {
    at = Math.min(Math.max(to, 0), frames.length);
    if (at === frames.length) stop();
    draw();
  }

  const actions = {
    start: () => go(0), end: () => go(frames.length), back: () => go(at - 1), forward: () => go(at + 1),
    play: () => {
      if (timer) return stop();
      if (at === frames.length) go(0);
      play.textContent = play.dataset.pause;
      timer = setInterval(() => go(at + 1), PAUSE);
    },
  };
  for (const button of figure.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => {
      if (button !== play) stop();
      actions[button.dataset.do]();
    });
  }
  figure.addEventListener("keydown", event => {
    const name = { ArrowLeft: "back", ArrowRight: "forward", Home: "start", End: "end" }[event.key];
    if (!name || !event.target.closest(".controls")) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
    actions[name]();
  });
  figure.querySelector(".controls").hidden = false;
  figure.querySelector("output").textContent = `${at} / ${frames.length}`;
}

document.querySelectorAll(".player").forEach(player);
