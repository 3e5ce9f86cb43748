// Keys for the desk. Each presses what the page has anyway; without this script everything is done by forms.
"use strict";

const records = [...document.querySelectorAll("article.record")];
const here = () => records.findIndex((record) => record.contains(document.activeElement));
const isTyping = (element) => element.matches("input:not([type=checkbox]), textarea, select");

function go(to) {
  const record = records[Math.max(0, Math.min(records.length - 1, to))];
  if (!record) return;
  record.focus({ preventScroll: true });
  record.scrollIntoView({ block: "nearest" });
}

function say(text) {
  const note = document.getElementById("note");
  note.className = "note";
  note.firstChild.textContent = text;
}

function merge(record) {
  const box = record.querySelector("input[type=checkbox]");
  if (!box) return;
  const marked = () => document.querySelectorAll("input[type=checkbox]:checked").length;
  const was = box.checked;
  box.checked = true;
  if (marked() > 1) record.querySelector("button[value=merge]").click();
  else if (was) say("Marked; go to another record of the story and press m there.");
  else say("Marked. Press m on another record to merge the two.");
}

function retag(record, nth) {
  const topic = document.querySelectorAll("#topics option")[nth];
  const field = record.querySelector("[data-key=t]");
  if (!topic) return;
  field.value = topic.value;
  field.form.querySelector("button").click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { key, target } = event;
  if (key === "Escape") {
    const record = target.closest("article.record");
    if (record) record.focus();
    return;
  }
  if (isTyping(target)) return;
  if (key === "?") {
    const help = document.getElementById("help");
    if (!help) return;
    help.open = !help.open;
    help.firstChild.focus();
    return event.preventDefault();
  }
  const at = here();
  if (key === "j" || key === "k") {
    go(at < 0 ? 0 : at + (key === "j" ? 1 : -1));
    return event.preventDefault();
  }
  const record = records[at];
  if (!record) return;
  if (key === "m") merge(record);
  else if (key === "w") {
    const all = [...record.querySelectorAll("details")];
    const open = all.some((one) => !one.open);
    for (const one of all) one.open = open;
  } else if (/^[1-9]$/.test(key)) retag(record, Number(key) - 1);
  else if (/^[a-z]$/.test(key)) {
    const what = record.querySelector(`[data-key=${key}]`);
    if (!what) return key === "s" && location.pathname === "/" && say("It is in no story.");
    if (isTyping(what)) { what.focus(); what.select(); } else what.click();
  } else return;
  event.preventDefault();
});

// Where the last action was; where that is gone, the first.
const last = records.find((record) => "#" + record.id === location.hash);
if (last) last.focus();
