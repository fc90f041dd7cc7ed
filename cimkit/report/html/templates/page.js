
"use strict";
const page = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
page.classList.add("live");

/* Language */
const language = () => page.dataset.lang;
function say(key, values = {}) {
  const words = data.words[values.n === 1 && data.words[key + ".one"] ? key + ".one" : key];
  const text = words[language() === "zh" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (found, name) => typeof values[name] === "number" ? values[name].toLocaleString("en-US") : String(values[name] ?? ""));
}
function speak(lang) {
  page.dataset.lang = lang;
  page.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = data.titles[lang === "zh" ? 1 : 0];
  for (const each of all("[data-label]")) each.setAttribute("aria-label", say(each.dataset.label));
  for (const each of all("[data-placeholder]")) each.placeholder = say(each.dataset.placeholder);
  for (const each of all("[data-word]")) each.textContent = (each.dataset.before || "") + say(each.dataset.word);
  for (const each of all("[data-headword]")) each.dataset.head = say(each.dataset.headword);
  document.dispatchEvent(new Event("spoken"));
}
for (const each of all("input[name=language]")) each.addEventListener("change", () => speak(each.value));
one("#print").addEventListener("click", () => window.print());

/* Rules: filter, sort, open */
const list = one("#rules");
const rules = list ? all(".rule", list) : [];
const hidden = new Set();
const severities = ["error", "warning", "info"];
const orders = {
  severity: (a, b) => a - b,
  failed: (a, b) => data.rules[b].failed - data.rules[a].failed || a - b,
  share: (a, b) => data.rules[b].share - data.rules[a].share || a - b,
  name: (a, b) => data.rules[a].rule < data.rules[b].rule ? -1 : data.rules[a].rule > data.rules[b].rule ? 1 : a - b,
  layer: (a, b) => data.rules[a].layer < data.rules[b].layer ? -1 : data.rules[a].layer > data.rules[b].layer ? 1 : a - b,
};
const searched = data.rules.map((rule) => [rule.rule, rule.layer, ...rule.title].join("\n").toLowerCase());
for (const each of data.findings) {
  searched[each.r] += "\n" + [data.files[each.s], each.l, each.m, each.d, each.i, each.f, each.v, each.h, each.k].filter(Boolean).join("\n").toLowerCase();
}
function filter() {
  const words = one("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = { severity: one("#severity").value, level: one("#level").value };
  const layer = one("#layer");
  hidden.clear();
  rules.forEach((element) => {
    const number = Number(element.dataset.rule), rule = data.rules[number];
    const fits = (!wanted.severity || rule.severity === wanted.severity) && (!wanted.level || rule.level === wanted.level)
      && (layer.selectedIndex === 0 || rule.layer === layer.value) && words.every((word) => searched[number].includes(word));
    element.hidden = !fits;
    if (!fits) hidden.add(number);
  });
  const order = orders[one("#sort").value];
  list.append(...rules.slice().sort((a, b) => order(Number(a.dataset.rule), Number(b.dataset.rule))));
  count();
  document.dispatchEvent(new Event("filtered"));
}
function count() {
  const shown = rules.length - hidden.size;
  one("#shown").textContent = say("shown", { n: shown, total: rules.length });
  one("#none").hidden = shown > 0;
  one("#toggle").textContent = say(rules.every((each) => each.hidden || each.open) ? "close_all" : "open_all");
}
function unfilter() {
  one(".filter").reset();
  filter();
}
function openRule(number) {
  const element = one("#rule-" + number);
  if (element.hidden) unfilter();
  element.open = true;
  for (const each of all(".lit", list)) each.classList.remove("lit");
  element.classList.add("lit");
  return element;
}

/* Examples: those beyond the first few come out of the data */
const byRule = data.rules.map(() => []);
data.findings.forEach((finding, number) => byRule[finding.r].push(number));
const STEP = 20;
const blank = one("#example").content.firstElementChild;
function places(finding) {
  const parts = [data.files[finding.s], finding.l];
  if (finding.w !== undefined) parts.push(say("row", { n: finding.w }));
  if (finding.c !== undefined) parts.push(say("cell", { n: finding.c }));
  if (finding.f !== undefined) parts.push(say("fid", { n: finding.f }));
  if (finding.i !== undefined) parts.push(say("id", { n: finding.i }));
  return parts.filter(Boolean);
}
function isolated(text, tag = "bdi") {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
function placed(element, finding) {
  element.replaceChildren(...places(finding).map((part) => {
    const span = document.createElement("span");
    span.append(isolated(part));
    return span;
  }));
}
function example(number) {
  const finding = data.findings[number], element = blank.cloneNode(true);
  element.dataset.finding = number;
  one(".message", element).append(isolated(finding.m));
  placed(one(".place", element), finding);
  for (const [name, key] of [["field", "d"], ["value", "v"], ["hint", "h"], ["fingerprint", "k"]]) {
    const row = one(".of-" + name, element);
    if (finding[key] === undefined) row.remove();
    else (one("dd code", row) || one("dd", row)).append(isolated(finding[key]));
  }
  return element;
}
function left(rule) {
  return byRule[rule].length - all(".example", one("#rule-" + rule)).length;
}
function more(rule, step = STEP) {
  const element = one("#rule-" + rule), button = one(".more", element);
  const from = byRule[rule].length - left(rule);
  one(".examples", element).append(...byRule[rule].slice(from, from + step).map(example));
  if (button) label(button, rule);
}
function label(button, rule) {
  const rest = left(rule);
  button.hidden = rest <= 0;
  button.textContent = say("more", { n: Math.min(rest, STEP) });
}
function showFinding(number) {
  const rule = data.findings[number].r, element = openRule(rule);
  const missing = byRule[rule].indexOf(number) + 1 - (byRule[rule].length - left(rule));
  if (missing > 0) more(rule, Math.ceil(missing / STEP) * STEP);
  const row = one(`.example[data-finding="${number}"]`, element);
  row.classList.add("lit");
  row.scrollIntoView({ block: "center" });
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const rule = button.closest(".rule");
  if (button.matches(".copy")) {
    const finding = data.findings[Number(button.closest(".example").dataset.finding)];
    const text = [`${places(finding).join(" · ")}: ${finding.m}`, finding.h, `${data.rules[finding.r].rule} ${finding.k || ""}`.trim()].filter(Boolean).join("\n");
    copy(text).then(() => {
      button.textContent = say("copied");
      setTimeout(() => { button.textContent = say("copy"); }, 1500);
    });
  } else if (button.matches(".more")) more(Number(rule.dataset.rule));
});
function copy(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text).catch(() => copyByHand(text));
  return copyByHand(text);
}
/* A page opened from a folder is no secure context in every browser. */
async function copyByHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

if (list) {
  for (const each of all("input, select", one(".filter"))) each.addEventListener("input", filter);
  one(".filter").addEventListener("submit", (event) => event.preventDefault());
  one("#toggle").addEventListener("click", () => {
    const open = rules.some((each) => !each.hidden && !each.open);
    for (const each of rules) if (!each.hidden) each.open = open;
    count();
  });
  for (const each of rules) each.addEventListener("toggle", count);
  const relabel = () => {
    for (const each of all(".more", list)) label(each, Number(each.closest(".rule").dataset.rule));
    count();
  };
  document.addEventListener("spoken", relabel);
  relabel();
}
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#rule-"]');
  if (link) openRule(link.getAttribute("href").slice(6));
});
if (/^#rule-\d+$/.test(location.hash) && one(location.hash)) openRule(location.hash.slice(6)).scrollIntoView();

/* On paper everything is open; afterwards it is as it was. */
let opened = [];
addEventListener("beforeprint", () => {
  opened = all("details:not([open])");
  for (const each of opened) each.open = true;
});
addEventListener("afterprint", () => {
  for (const each of opened) each.open = false;
  opened = [];
});
