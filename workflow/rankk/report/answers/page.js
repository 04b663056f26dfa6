"use strict";
const byId = id => document.getElementById(id);
const index = JSON.parse(byId("index").textContent);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== "") made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const language = code => { try { return Intl.getCanonicalLocales(code)[0]; } catch { return undefined; } };
const text = (name, content, className = "", lang) => element(name, { dir: "auto", class: className, lang }, content ?? "");
const shortened = (passage, room) => passage.length > room ? passage.slice(0, room - 1) + "…" : passage;
const signed = value => (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(3);
const direction = gain => gain > 1e-9 ? "up" : gain < -1e-9 ? "down" : "same";
const value = number => number === null || number === undefined ? "not judged" : number.toFixed(3);

// ── Data: a page's own, unpacked when asked for; or those of another page, in a hidden frame that is asked by messages.

async function unpacked(node) {
  const bytes = Uint8Array.from(atob(node.textContent), character => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

class OwnData {
  #texts = new Map();
  // Content of an element of packed data. The browser may still be reading the page: an element is complete when another
  // one follows it.
  async #content(kind, number) {
    for (;;) {
      const read = document.readyState !== "loading";
      const node = document.querySelector(`script.${kind}[data-number="${number}"]`);
      if (read || node?.nextElementSibling) return unpacked(node);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }
  #block(number) {
    if (!this.#texts.has(number)) this.#texts.set(number, this.#content("texts", number));
    return this.#texts.get(number);
  }
  index() { return index; }
  // A query's content, with the texts of its passages by id.
  async query(id) {
    const content = await this.#content("query", index.queries.find(query => query.id === id).number);
    const blocks = await Promise.all(content.blocks.map(number => this.#block(number)));
    const shown = new Set([...content.calls.flatMap(call => call.before), ...content.missed.map(([docid]) => docid)]);
    const texts = {};
    for (const block of blocks) for (const docid in block) if (shown.has(docid)) texts[docid] = block[docid];
    return { ...content, texts };
  }
  // Ids of the queries that hold a text, in themselves, their answers or their passages.
  async search(wanted) {
    const has = held => held?.toLowerCase().includes(wanted);
    const found = [];
    for (const { id, text } of index.queries) {
      if (has(id) || has(text)) { found.push(id); continue; }
      const { calls, texts } = await this.query(id);
      if (calls.some(call => has(call.thought) || has(call.answer)) || Object.values(texts).some(has)) found.push(id);
    }
    return found;
  }
}

class PageData {
  #waiting = new Map();
  #frame;
  #ready;
  constructor(page) {
    this.#frame = element("iframe", { src: page + "#serve", title: "data", "aria-hidden": "true", tabindex: "-1" });
    this.#ready = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error(`${page} cannot be read: its cell is not done yet, or the page was moved`)), 20000);
      addEventListener("message", ({ source, data }) => {
        if (source !== this.#frame.contentWindow) return;
        if (data.ready) return resolve();
        this.#waiting.get(data.number)?.(data.result);
        this.#waiting.delete(data.number);
      });
    });
    document.body.append(this.#frame);
  }
  async #ask(method, argument) {
    await this.#ready;
    const number = Math.random();
    return new Promise(resolve => {
      this.#waiting.set(number, resolve);
      this.#frame.contentWindow.postMessage({ number, method, argument }, "*");
    });
  }
  index() { return this.#ask("index"); }
  query(id) { return this.#ask("query", id); }
  search(wanted) { return this.#ask("search", wanted); }
}

// Answers the page that compares cells. Pages opened from files have no origin that could be told apart.
function serve() {
  const data = new OwnData();
  addEventListener("message", async ({ source, origin, data: { number, method, argument } }) => {
    if (source !== parent || (location.protocol !== "file:" && origin !== location.origin)) return;
    if (!["index", "query", "search"].includes(method)) return;
    parent.postMessage({ number, result: await data[method](argument) }, "*");
  });
  parent.postMessage({ ready: true }, "*");
}

// ── State: what is shown stands in the address.

const FILTERS = ["search", "outcome", "gain", "cause", "sort"];
const state = () => {
  const hash = location.hash.slice(1);
  return hash && !hash.includes("=") ? { query: decodeURIComponent(hash) } : Object.fromEntries(new URLSearchParams(hash));
};
const link = changes => "#" + new URLSearchParams(Object.entries({ ...state(), ...changes }).filter(([, value]) => value));
let systems = [];  // one on a cell's page, two compared: { name, stage, data, index, entries }
let queries = [];  // of the first system; `gain` is over the second one, else over the first stage
let found = null;  // ids that the search has found, null without a search
let shown = 0;     // number of the query that is being shown: later ones win

async function system({ name, stage, page }) {
  const data = page ? new PageData(page) : new OwnData();
  const own = await data.index();
  return { name: name ?? own.cell, stage: stage ?? own.stage, data, index: own, entries: new Map(own.queries.map(query => [query.id, query])) };
}

const gained = () => systems.length > 1 ? "A − B" : "gain";  // what the numbers of the list are

function listed() {
  const [one, other] = systems;
  return one.index.queries.filter(query => !other || other.entries.has(query.id)).map(query => {
    const base = other ? other.entries.get(query.id).value : query.first;
    const gain = query.value === null || base === null ? null : query.value - base;
    return { ...query, base, gain };
  });
}

function chosen() {
  const { outcome = "", gain = "", cause = "", sort = "" } = state();
  const kept = queries.filter(query =>
    (!outcome || query.outcomes.includes(outcome)) && (!gain || (query.gain !== null && direction(query.gain) === gain)) &&
    (!cause || query.cause?.cause === cause) && (!found || found.has(query.id)));
  const sign = { "": 1, gain: -1, topics: 0 }[sort];
  return kept.sort((one, other) => sign * ((one.gain ?? 0) - (other.gain ?? 0)));
}

// ── One query.

// How each call changed a passage's place in its window.
function moves(content, docid) {
  return content.calls.flatMap((call, number) => {
    const [from, to] = [call.before.indexOf(docid), call.after.indexOf(docid)];
    return from < 0 || from === to ? [] : [`window\u00a0${number + 1}\u00a0${from > to ? "↑" : "↓"}${Math.abs(from - to)}`];
  });
}

function fate(content, docid) {
  const rank = content.first.indexOf(docid) + 1 || content.missed.find(([missed]) => missed === docid)?.[1];
  if (!rank) return "never retrieved";
  if (rank > content.depth) return `outside the depth: rank ${rank} of the first stage`;
  return moves(content, docid).join(", ") || "stayed";
}

function passage(id, contents, lang, room = 110) {
  const full = contents.map(content => content.texts[id]).find(Boolean);
  const label = element("small", {}, text("bdi", id));
  return full ? element("td", {}, label, element("details", {}, text("summary", shortened(full, room), "", lang), text("div", full, "", lang)))
    : element("td", {}, label);
}

const rank = (list, id) => list.indexOf(id) + 1 || "–";
function moved(from, to, relevant) {
  if (!from || !to || from === to) return text("td", from && to ? "" : "new", "number dim");
  return text("td", (from > to ? "↑" : "↓") + Math.abs(from - to), "number " + (relevant ? (from > to ? "up" : "down") : ""));
}
// What scrolls sideways on a narrow screen; the keyboard reaches it where nothing in it takes the focus.
function wide(label, content) {
  const focus = content.querySelector("summary") ? {} : { role: "group", "aria-label": label, tabindex: "0" };
  return element("div", { class: "wide", ...focus }, content);
}
function table(titles, rows) {
  const head = element("tr", {}, ...titles.map(title => element("th", { scope: "col" }, title)));
  return wide("table", element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

// The first ten rows, and the others below a line that opens them.
function inParts(titles, rows, what) {
  const parts = [table(titles, rows.slice(0, 10))];
  if (rows.length > 10) parts.push(element("details", {}, element("summary", {}, `${rows.length - 10} ${what}`), table(titles, rows.slice(10))));
  return parts;
}

function relevantPassages(contents, grades) {
  const level = systems[0].index.level;
  const ids = Object.keys(grades).filter(id => grades[id] >= level);
  const best = id => Math.min(...contents.flatMap(content => [content.final, content.first].map(list => list.indexOf(id) + 1 || 1e6)));
  ids.sort((one, other) => grades[other] - grades[one] || best(one) - best(other));
  const lang = language(systems[0].index.languages[1]);
  const rows = ids.map(id => element("tr", {}, text("td", grades[id], "number relevant"),
    ...contents.flatMap(content => [text("td", rank(content.first, id), "number"), text("td", rank(content.final, id), "number relevant"), text("td", fate(content, id))]),
    passage(id, contents, lang)));
  const several = contents.length > 1;
  const titles = contents.flatMap((_, number) => (several ? [" " + "AB"[number]] : [""]).flatMap(mark => [`first stage${mark}`, `reranked${mark}`, `moved by${mark}`]));
  const more = Math.max(...contents.map(content => content.more));
  return [element("h3", {}, `Relevant passages (grade ${level} or higher)`),
    ...(ids.length ? inParts(["grade", ...titles, "passage"], rows, "further passages") : ["None is known."]),
    ...(more ? [element("p", { class: "dim" }, `${more} more are outside the depth or were never retrieved.`)] : [])];
}

// Rankings side by side, a line for each passage; colour and dashes only for relevant ones that rose or fell.
const ROWS = 20, ROW = 17, WIDTH = 820, NARROWEST = 180;
function chart(columns, grades) {
  const level = systems[0].index.level, drawing = "http://www.w3.org/2000/svg";
  const make = (name, attributes, content = "") => {
    const made = document.createElementNS(drawing, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(content);
    return made;
  };
  const there = Math.min(ROWS, Math.max(...columns.map(column => column.list.length)));
  const width = Math.min(WIDTH, Math.max(byId("query").clientWidth - 24, NARROWEST * columns.length)), edge = Math.min(150, 0.3 * width);
  const height = (there + 3) * ROW, lines = [], told = element("p", { role: "status" });
  const x = number => edge + number * (width - 2 * edge) / Math.max(1, columns.length - 1);
  const y = place => (Math.min(place, there) + 2) * ROW;
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, style: `min-width: ${width}px`, role: "group" });
  const ids = new Set(columns.flatMap(column => column.list.slice(0, there)));
  let [rose, fell] = [0, 0];
  const order = [...ids].sort((one, other) => (grades[one] ?? -1) - (grades[other] ?? -1));
  for (const id of order) {
    const places = columns.map(column => column.list.indexOf(id)).map(place => place < 0 ? there + 1 : place);
    for (let number = 1; number < columns.length; number += 1) {
      const [from, to] = [places[number - 1], places[number]];
      if (Math.min(from, to) >= there) continue;
      const change = (from - to) * (columns[number - 1].first ? 1 : columns[number].first ? -1 : 0);
      const kind = (grades[id] ?? 0) < level ? "" : change > 0 ? "up" : change < 0 ? "down" : "same";
      rose += kind === "up"; fell += kind === "down";
      const [left, right] = [x(number - 1) + 14, x(number) - 14], middle = (left + right) / 2;
      const what = `${id}${id in grades ? `, grade ${grades[id]}` : ""}: ${columns[number - 1].name} ${from < there ? from + 1 : "below"} → ${columns[number].name} ${to < there ? to + 1 : "below"}`;
      const line = make("path", { d: `M${left} ${y(from)} C${middle} ${y(from)} ${middle} ${y(to)} ${right} ${y(to)}`, class: kind, role: "img", "aria-label": what, tabindex: "-1" });
      for (const event of ["focus", "pointerenter"]) line.addEventListener(event, () => { told.textContent = what; });
      lines.push({ line, number, from });
      svg.append(line);
    }
  }
  columns.forEach(({ name, list }, number) => {
    const anchor = number === 0 ? "end" : number === columns.length - 1 ? "start" : "middle";
    svg.append(make("text", { x: x(number), y: ROW, "text-anchor": "middle", "font-weight": 600 }, shortened(name, Math.floor(width / columns.length / 9))));
    list.slice(0, there).forEach((id, place) => {
      svg.append(make("text", { x: x(number), y: y(place) + 4, "text-anchor": "middle" }, place + 1));
      if (anchor === "middle") return;
      const grade = id in grades ? ` (${grades[id]})` : "";
      svg.append(make("text", { x: x(number) + (anchor === "end" ? -16 : 16), y: y(place) + 4, "text-anchor": anchor,
        "font-weight": (grades[id] ?? 0) >= level ? 700 : 400 }, shortened(id, 16) + grade));
    });
    svg.append(make("text", { x: x(number), y: y(there) + 4, "text-anchor": "middle" }, "⋯"));
  });
  // One stop of the Tab key; arrows go from line to line, by rank.
  const ordered = lines.sort((one, other) => one.number - other.number || one.from - other.from).map(({ line }) => line);
  ordered[0]?.setAttribute("tabindex", "0");
  svg.addEventListener("keydown", event => {
    const next = ordered[ordered.indexOf(event.target) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? NaN)];
    if (!next) return;
    event.preventDefault();
    event.target.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
  svg.setAttribute("aria-label", `Ranks in ${columns.map(column => column.name).join(", ")}: ${rose} relevant passages rise, ${fell} fall. The tables hold the ranks.`);
  return [element("h3", {}, "Rankings"), element("p", { class: "dim" },
    "Solid green: a relevant passage rises by reranking; dashed red: it falls. In brackets: grades. Point at a line, or go to it with Tab and the arrow keys ↑ ↓, to read which passage it is."),
    element("div", { class: "wide" }, svg), told];
}

function ranking(content, number, contents, grades) {
  const level = systems[0].index.level, lang = language(systems[number].index.languages[1]);
  const row = (id, place) => element("tr", {}, text("td", place + 1, "number"),
    moved(content.first.indexOf(id) + 1, place + 1, grades[id] >= level),
    text("td", id in grades ? grades[id] : "–", "number " + (grades[id] >= level ? "relevant" : "")),
    text("td", moves(content, id).join(", ")), passage(id, contents, lang, 80));
  const titles = ["rank", "moved", "grade", "moved by", "passage"];
  const heading = systems.length > 1 ? [text("h4", systems[number].name)] : [];
  return element("div", {}, ...heading, ...inParts(titles, content.final.map(row), "further ranks"));
}

const UNTOLD = "Seconds of a window: from the request to its answer. Waiting in the server's queue is included, because the server does not tell it apart.";
const TOLD = "Waited: in the engine, until it began with the window. Computed: from then to the last token, beside other calls.";
const times = ({ seconds, waited, computed }) => waited !== null && computed !== null
  ? `waited ${waited.toFixed(1)} s, computed ${computed.toFixed(1)} s`
  : seconds && `from request to answer ${seconds.toFixed(1)} s`;
function timesExplained(calls) {
  const kinds = new Set(calls.map(times).filter(Boolean).map(told => told.startsWith("waited") ? TOLD : UNTOLD));
  return kinds.size ? [element("p", { class: "dim" }, [...kinds].join(" "))] : [];
}

// A window's content is made when it is opened.
function window_(call, number, open, content, grades, lang, level) {
  const facts = [call.sample && `sample ${call.sample + 1}`, call.tokens && `${call.tokens} tokens`, times(call),
    call.score !== null && `score ${call.score.toFixed(3)}`, call.repairs, call.fired && "thought closed at its budget"];
  const made = element("details", { class: "window" }, element("summary", {}, `Window ${number} `, text("span", call.outcome, "outcome"), " ", text("small", facts.filter(Boolean).join(" · "))));
  made.addEventListener("toggle", () => {
    if (made.childElementCount > 1) return;
    if (call.thought) made.append(element("h4", {}, "Reasoning"), text("pre", call.thought));
    made.append(element("h4", {}, "Answer"), text("pre", call.answer || "(no answer)"), element("h4", {}, "Parsed order"),
      table(["rank", "moved", "grade", "identifier in the prompt, passage"], call.after.map((id, place) => {
        const from = call.before.indexOf(id), cell = passage(id, [content], lang);
        cell.firstChild.prepend(`[${from + 1}] `);
        return element("tr", {}, text("td", place + 1, "number"), moved(from + 1, place + 1, grades[id] >= level),
          text("td", id in grades ? grades[id] : "–", "number " + (grades[id] >= level ? "relevant" : "")), cell);
      })));
  });
  made.open = open;
  return made;
}

function windows(content, number, grades) {
  const { index: { level, languages } } = systems[number];
  const few = content.calls.length <= 2;
  return element("div", {}, ...(systems.length > 1 ? [text("h4", systems[number].name)] : []),
    ...content.calls.map((call, place) => window_(call, place + 1, few, content, grades, language(languages[1]), level)),
    ...(content.calls.length ? [] : ["No call was made."]));
}

function columns(contents) {
  const lists = contents.map((content, number) => ({ name: systems.length > 1 ? `${"AB"[number]}: ${systems[number].name}` : "reranked", list: content.final }));
  const firsts = contents.map((content, number) => ({ name: systems[number].stage, list: content.first, first: true }));
  if (contents.length === 1) return [firsts[0], lists[0]];
  return systems[0].stage === systems[1].stage ? [lists[0], firsts[0], lists[1]] : [firsts[0], lists[0], lists[1], firsts[1]];
}

async function open(query) {
  const number = shown += 1;
  if (!query) return byId("query").replaceChildren("No query passes the filters.");
  const contents = await Promise.all(systems.map(({ data }) => data.query(query.id)));
  if (number !== shown) return;
  const grades = Object.assign({}, ...contents.map(content => content.grades));
  const { measure, languages } = systems[0].index;
  const facts = element("p", {}, "Query ", text("bdi", query.id), `. ${measure} `);
  const described = systems.map(({ entries }, place) => {
    const { value: after, first } = entries.get(query.id);
    return `${systems.length > 1 ? "AB"[place] + " " : ""}${value(after)}, first stage ${value(first)}`;
  });
  facts.append(described.join("; "));
  if (query.gain !== null) facts.append(`; ${gained()} `, text("span", signed(query.gain), direction(query.gain)));
  facts.append(". ");
  for (const [place, { entries }] of systems.entries()) {
    const cause = entries.get(query.id).cause;
    if (!cause) continue;
    const decided = [cause.docid && `passage ${cause.docid}`, cause.call === null ? "" : `window ${cause.call + 1}`].filter(Boolean).join(", ");
    facts.append(`${systems.length > 1 ? `${"AB"[place]} over its first stage` : "Cause"}: ${cause.cause}${decided && ` (${decided})`}. `);
  }
  byId("query").replaceChildren(text("h2", query.text, "", language(languages[0])), facts,
    ...chart(columns(contents), grades), ...relevantPassages(contents, grades),
    element("h3", {}, "Final ranking"),
    element("div", { class: "columns" }, ...contents.map((content, place) => ranking(content, place, contents, grades))),
    element("h3", {}, "Windows, in the order in which they were asked"), ...timesExplained(contents.flatMap(content => content.calls)),
    element("div", { class: "columns" }, ...contents.map((content, place) => windows(content, place, grades))));
  byId("query").scrollTop = 0;
}

// ── The list, filters and keys.

// The list is one stop of the Tab key, at the query that is shown: hundreds of links would stand before the answers.
function select(query) {
  const inside = byId("queries").contains(document.activeElement);
  for (const each of byId("queries").querySelectorAll("a")) {
    const current = each.dataset.id === query?.id;
    each.tabIndex = current ? 0 : -1;
    if (!current) { each.removeAttribute("aria-current"); continue; }
    each.setAttribute("aria-current", "true");
    each.scrollIntoView({ block: "nearest" });
    if (inside) each.focus();
  }
}

let before = null;  // the filters when the list was last made
async function show() {
  if (systems.length) {
    const current = state(), filters = JSON.stringify([...FILTERS.map(name => current[name]), current.a, current.b]);
    const list = chosen();
    if (filters !== before) {
      before = filters;
      for (const name of FILTERS) if (document.activeElement !== byId(name)) byId(name).value = current[name] ?? "";
      byId("count").firstChild.textContent = `${list.length} of ${queries.length} queries; numbers: ${gained()} in ${systems[0].index.measure}`;
      byId("queries").replaceChildren(...list.map(query => element("li", {}, element("a", { href: link({ query: query.id }), tabindex: "-1", "data-id": query.id },
        text("span", query.gain === null ? "" : signed(query.gain), `number ${query.gain === null ? "" : direction(query.gain)}`), text("bdi", query.id), ": ", text("span", query.text)))));
    }
    const wanted = list.find(query => query.id === current.query) ?? list[0];
    select(wanted);
    await open(wanted);
  }
}

async function search() {
  const wanted = (state().search ?? "").trim().toLowerCase();
  if (!wanted) found = null;
  else {
    byId("count").firstChild.textContent = "searching…";
    const results = await Promise.all(systems.map(({ data }) => data.search(wanted)));
    if (wanted !== (state().search ?? "").trim().toLowerCase()) return;
    found = new Set(results.flat());
  }
  before = null;
  await show();
}

async function load() {
  const { a, b } = state();
  if (!index.cells) systems = [await system({})];
  else {
    const known = new Map(index.cells.map(cell => [cell.key, cell]));
    const one = known.get(a) ?? index.cells[0];
    if (!one) return byId("query").replaceChildren("The experiment has no reranked cell yet.");
    const others = index.cells.filter(cell => cell.collection === one.collection && cell !== one);
    const other = known.get(b) && known.get(b).collection === one.collection ? known.get(b) : others[0] ?? one;
    for (const [id, cell] of [["a", one], ["b", other]]) {
      byId(id).replaceChildren(...(id === "a" ? index.cells : [one, ...others]).map(({ key, name }) => element("option", { value: key }, name)));
      byId(id).value = cell.key;
    }
    byId("query").replaceChildren("Reading the answers of both cells…");
    try { systems = await Promise.all([one, other].map(system)); }
    catch (error) { systems = []; return byId("query").replaceChildren(error.message); }
  }
  if (index.cells) for (const [place, id] of ["a", "b"].entries()) byId(`run-${id}`).textContent = systems[place].index.run;
  queries = listed();
  for (const [id, values] of [["outcome", queries.flatMap(query => query.outcomes)], ["cause", queries.flatMap(query => query.cause?.cause ?? [])]]) {
    byId(id).replaceChildren(byId(id).firstElementChild, ...[...new Set(values)].sort().map(name => element("option", {}, name)));
  }
  before = null;
  await (state().search ? search() : show());
}

function start() {
  byId("cell").textContent = document.title = index.cell ?? `Compare cells of ${index.experiment}`;
  if (index.run) byId("systems").append(element("small", {}, element("code", {}, index.run)));
  if (index.cells) for (const [id, title] of [["a", "cell A"], ["b", "cell B"]]) {
    const chooser = element("select", { id });
    byId("systems").append(element("label", {}, title, " ", chooser), element("small", {}, element("code", { id: `run-${id}` })));
    chooser.addEventListener("input", () => { location.hash = link({ [id]: chooser.value }); });
  }
  let cells = state(), typing;
  for (const name of FILTERS) byId(name).addEventListener("input", ({ target }) => {
    history.replaceState(null, "", link({ [name]: target.value }));
    clearTimeout(typing);
    if (name === "search") typing = setTimeout(search, 250); else show();
  });
  document.querySelector("nav form").addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", () => {
    const now = state(), [old] = [cells];
    cells = now;
    if (index.cells && (now.a !== old.a || now.b !== old.b)) load();
    else if ((now.search ?? "") !== byId("search").value) search();
    else show();
  });
  byId("keys").addEventListener("click", () => byId("help").showModal());
  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select") || byId("help").open) return;
    const arrows = event.target.closest("#queries") ? { ArrowDown: 1, ArrowUp: -1 } : {};
    const step = { j: 1, k: -1, ...arrows }[event.key];
    if (event.key === "/") { event.preventDefault(); byId("search").focus(); }
    if (event.key === "?") byId("help").showModal();
    if (event.key === "o") {
      const all = [...document.querySelectorAll("details.window")], open = all.some(each => !each.open);
      for (const each of all) each.open = open;
    }
    if (!step) return;
    event.preventDefault();
    const links = [...byId("queries").querySelectorAll("a")];
    const next = links[links.findIndex(each => each.hasAttribute("aria-current")) + step];
    if (next) { next.click(); select({ id: next.dataset.id }); }
  });
  load();
}

if (typeof DecompressionStream === "undefined") byId("query").append("This page needs a browser of 2023 or later.");
else if (location.hash === "#serve" && parent !== window) serve();
else start();
