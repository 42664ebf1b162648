// The status page: asks for the pools each second and shows them.
"use strict";

const EVERY = 1000;
const RATE_OVER = 10_000;
const FAILING_OVER = 60_000;
// With fewer requests to a worker than this, how they are spread says nothing.
const FEW = 10;
const MARKS = { serving: "●", starting: "▲", probing: "◌", draining: "◐", ejected: "✕" };
const TAKES_NEW = new Set(["serving", "starting"]);

const seen = new Map();
let shape = "";
let lastAnswer = null;

const byId = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString("en-US");
const several = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
const rateText = (rate) => (rate === null ? "–" : rate.toFixed(rate < 100 ? 1 : 0));
const sum = (items, value) => items.reduce((total, item) => total + value(item), 0);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/* ---- what the last minute was like */

// Adds the rate and the failures of the last minute to each worker.
function remember(pools, now) {
  const alive = new Set();
  for (const pool of pools) {
    for (const worker of pool.workers) {
      const key = JSON.stringify([pool.name, worker.name, worker.address]);
      alive.add(key);
      const last = seen.get(key)?.at(-1);
      // Fewer than before: Thalamus or the worker's entry has started anew.
      const history = last && worker.served >= last.served ? seen.get(key) : [];
      history.push({ now, served: worker.served, failed: worker.failed });
      while (history[0].now < now - FAILING_OVER) history.shift();
      seen.set(key, history);
      const from = history.find((point) => point.now >= now - RATE_OVER);
      worker.rate = now > from.now ? ((worker.served - from.served) * 1000) / (now - from.now) : null;
      worker.failing = worker.failed - history[0].failed;
    }
  }
  for (const key of seen.keys()) if (!alive.has(key)) seen.delete(key);
}

/* ---- the verdict */

function verdict(pools, config) {
  const problems = [];
  if (config.faults.length > 0) {
    const what = `The configuration's file was not loaded; the one of ${config.loaded} runs.`;
    problems.push(["/api/config", `${what} ${config.faults.join(" ")}`]);
  }
  if (config.restart.length > 0) problems.push(["/api/config", `A restart is needed to change: ${config.restart.join(", ")}.`]);
  for (const fault of config.labels) problems.push(["/api/config", `Labels: ${fault}.`]);
  let bad = false;
  for (const [index, pool] of pools.entries()) {
    const place = `#pool-${index}`;
    const taking = pool.workers.filter((worker) => TAKES_NEW.has(worker.state)).length;
    const failing = sum(pool.workers, (worker) => worker.failing);
    const all = pool.workers.length;
    if (all === 0) problems.push([place, `Pool ${pool.name} has no worker.`]);
    else if (taking === 0) problems.push([place, `Pool ${pool.name}: no worker takes requests.`]);
    else if (taking < all) problems.push([place, `Pool ${pool.name}: ${taking} of ${all} workers take requests.`]);
    if (pool.stale) problems.push([place, `Pool ${pool.name}: its ${pool.source} source has not answered for ${several(pool.stale.seconds, "second")}: ${pool.stale.why}`]);
    if (pool.waiting > 0) problems.push([place, `Pool ${pool.name}: ${several(pool.waiting, "request")} waiting; a worker may have ${count(pool.cap)} at a time.`]);
    if (taking === 0) bad = true;
    if (failing > 0) problems.push([place, `Pool ${pool.name}: ${several(failing, "request")} failed in the last minute.`]);
  }
  return { problems, level: bad ? "bad" : problems.length > 0 ? "warn" : "good" };
}

const SENTENCES = {
  good: "Everything is serving.",
  warn: "Serving, with faults.",
  bad: "Not everything is serving.",
};

function showVerdict(pools, config) {
  const { problems, level } = verdict(pools, config);
  byId("verdict").className = level;
  setText(byId("verdict-text"), SENTENCES[level]);
  const list = byId("verdict-list");
  const text = problems.map(([, problem]) => problem).join("\n");
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  list.hidden = problems.length === 0;
  list.replaceChildren(...problems.map(([place, problem]) => {
    const item = element("li");
    const link = element("a", "", problem);
    link.href = place;
    item.append(link);
    return item;
  }));
}

/* ---- totals and the table */

function showTotals(pools) {
  const workers = pools.flatMap((pool) => pool.workers);
  const failing = sum(workers, (worker) => worker.failing);
  const serving = workers.filter((worker) => worker.state === "serving").length;
  setText(byId("total-serving"), `${count(serving)} of ${count(workers.length)}`);
  setText(byId("total-flight"), count(sum(workers, (worker) => worker.in_flight)));
  setText(byId("total-rate"), rateText(sumRates(workers)));
  setText(byId("total-failing"), count(failing));
  byId("total-failing").className = failing > 0 ? "failing" : "";
  setText(byId("total-served"), count(sum(workers, (worker) => worker.served)));
}

function sumRates(workers) {
  const known = workers.filter((worker) => worker.rate !== null);
  return known.length > 0 ? sum(known, (worker) => worker.rate) : null;
}

function showTable(pools) {
  const now = JSON.stringify(pools.map((pool) => [pool.name, pool.serves, pool.source, pool.workers.map((w) => [w.name, w.address])]));
  if (now !== shape) build(pools);
  shape = now;
  const bodies = byId("pools").tBodies;
  pools.forEach((pool, index) => fill(bodies[index], pool));
}

function build(pools) {
  const table = byId("pools");
  while (table.tBodies.length > 0) table.tBodies[0].remove();
  pools.forEach((pool, index) => {
    const body = element("tbody");
    body.id = `pool-${index}`;
    body.append(poolRow(pool), ...pool.workers.map(workerRow));
    if (pool.workers.length === 0) body.append(emptyRow());
    table.append(body);
  });
}

function poolRow(pool) {
  const row = element("tr", "pool");
  const head = element("th", "", pool.name);
  head.scope = "rowgroup";
  head.colSpan = 2;
  const serves = pool.name === "main" ? [...pool.serves, "all else"] : pool.serves;
  const words = serves.join() === pool.name ? [] : [serves.join(", ")];
  head.append(" ", element("span", "serves", [...words, pool.source].join(" · ")));
  const cells = ["sum bar-column", "sum number rate", "sum number wide", "sum number"];
  row.append(head, ...cells.map((className) => element("td", className)));
  return row;
}

function workerRow(worker) {
  const row = element("tr", "worker");
  const head = element("th", "", worker.name);
  head.scope = "row";
  if (worker.address !== worker.name) head.append(" ", element("span", "address", worker.address));
  const state = element("td", "state");
  state.append(element("span", "mark"), element("span"));
  state.firstChild.ariaHidden = "true";
  const flightCell = element("td", "bar-column");
  flightCell.append(flight());
  row.append(head, state, flightCell, ...["number rate", "number wide", "number"].map((className) => element("td", className)));
  return row;
}

function flight() {
  const box = element("div", "flight");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("preserveAspectRatio", "none");
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.setAttribute("height", "100%");
  svg.append(rect);
  box.append(element("span", "number"), svg, element("span", "number share"));
  return box;
}

function emptyRow() {
  const row = element("tr");
  const cell = element("td", "empty", "✕ no worker");
  cell.colSpan = 6;
  row.append(cell);
  return row;
}

function fill(body, pool) {
  const [head, ...rows] = body.rows;
  if (pool.workers.length === 0) return;
  const total = sum(pool.workers, (worker) => worker.in_flight);
  const [, flightSum, rate, served, failed] = head.cells;
  // Of a single worker, its own row says it all.
  if (pool.workers.length === 1) {
    fillWorker(rows[0], pool.workers[0], total, 1);
    return;
  }
  setText(flightSum, spread(pool.workers, total));
  setText(rate, rateText(sumRates(pool.workers)));
  setText(served, count(sum(pool.workers, (worker) => worker.served)));
  setText(failed, count(sum(pool.workers, (worker) => worker.failed)));
  pool.workers.forEach((worker, index) => fillWorker(rows[index], worker, total, pool.workers.length));
}

// How evenly the pool's requests lie on its workers.
function spread(workers, total) {
  const most = Math.max(...workers.map((worker) => worker.in_flight));
  const even = total / workers.length;
  return even < FEW ? count(total) : `${count(total)} · fullest ${(most / even).toFixed(2)} × mean`;
}

function fillWorker(row, worker, total, siblings) {
  const [, state, flightCell, rate, served, failed] = row.cells;
  state.className = `state ${worker.state}`;
  setText(state.firstChild, MARKS[worker.state] ?? "?");
  setText(state.lastChild, ` ${worker.state}`);
  const share = total > 0 ? (100 * worker.in_flight) / total : 0;
  const [inFlight, svg, shareText] = flightCell.firstChild.children;
  svg.classList.toggle("unused", siblings === 1);
  setText(inFlight, count(worker.in_flight));
  svg.firstChild.setAttribute("width", `${share}%`);
  setText(shareText, siblings > 1 && total > 0 ? `${share.toFixed(0)} %` : "");
  setText(rate, rateText(worker.rate));
  setText(served, count(worker.served));
  const more = worker.failing > 0 ? ` (+${count(worker.failing)})` : "";
  setText(failed, count(worker.failed) + more);
  failed.className = worker.failing > 0 ? "number failing" : "number";
}

/* ---- asking */

async function ask() {
  try {
    show(...(await Promise.all([get("/api/pools"), get("/api/config")])));
  } catch (error) {
    showStale(error);
  }
  setTimeout(ask, EVERY);
}

async function get(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`the answer was ${answer.status}`);
  return answer.json();
}

function show(pools, config) {
  lastAnswer = new Date();
  byId("stale").hidden = true;
  document.body.classList.remove("stale");
  remember(pools, performance.now());
  showVerdict(pools, config);
  showTotals(pools);
  showTable(pools);
}

function showStale(error) {
  const since = lastAnswer ? ` The numbers below are from ${lastAnswer.toLocaleTimeString()}.` : "";
  setText(byId("stale"), `Thalamus does not answer (${error.message}).${since}`);
  byId("stale").hidden = false;
  document.body.classList.add("stale");
  byId("verdict").className = "unknown";
  byId("verdict-list").hidden = true;
  delete byId("verdict-list").dataset.text;
  setText(byId("verdict-text"), "Unknown: no answer.");
}

/* ---- explaining one request */

async function explain(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const asked = new URLSearchParams([...form].filter(([, value]) => value !== ""));
  const out = byId("explained");
  try {
    const answer = await fetch(`/api/explain?${asked}`, { cache: "no-store" });
    showExplained(out, await answer.json());
  } catch (error) {
    out.replaceChildren(element("p", "failing", `No answer: ${error.message}`));
  }
}

function showExplained(out, answer) {
  if (answer.error) {
    out.replaceChildren(element("p", "failing", answer.error));
    return;
  }
  const list = element("dl");
  const key = [answer.key, answer.key_value].filter(Boolean).join(" ");
  const lines = { ...answer, key, fallback: answer.fallback.join(", "), candidates: answer.candidates?.join(", ") };
  for (const name of ["group", "row", "caller", "key", "pool", "worker", "candidates", "fallback", "reason"]) {
    list.append(element("dt", "", name), element("dd", "", lines[name] || "–"));
  }
  out.replaceChildren(list, element("p", "", answer.why ?? ""));
}

/* ---- draining a worker */

async function drain(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const named = new URLSearchParams({ pool: form.get("pool"), worker: form.get("worker") });
  const out = byId("drained");
  try {
    const answer = await fetch(`/api/drain?${named}`, {
      method: event.submitter.value,
      headers: { Authorization: `Bearer ${form.get("token")}` },
    });
    const said = await answer.json();
    setText(out, said.error ?? `${said.worker} of pool ${said.pool}: ${said.state}`);
    out.className = said.error ? "failing" : "";
  } catch (error) {
    setText(out, `No answer: ${error.message}`);
  }
}

document.querySelector("#drain form").addEventListener("submit", drain);
document.querySelector("#explain form").addEventListener("submit", explain);
ask();
