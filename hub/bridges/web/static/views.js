// What each part of the page shows. Data comes as JSON, and goes into the page as text alone.
import { el, fill, icon } from "./dom.js";
import { has, language, LANGUAGES, choose, megabytes, moment, number, span, t } from "./texts.js";

const ICONS = {
  light: "light", switch: "plug", input_boolean: "plug", humidifier: "plug", remote: "plug", siren: "bell", fan: "fan",
  cover: "cover", valve: "cover", lock: "lock", climate: "heat", water_heater: "heat", media_player: "play",
  vacuum: "robot", lawn_mower: "robot", scene: "scene", script: "scene", button: "scene", input_button: "scene",
  alarm_control_panel: "shield",
};
const ACTIVE = ["on", "open", "opening", "unlocked", "playing", "heat", "cool", "auto", "heat_cool", "cleaning", "mowing"];
const WORDS = { locked: "locked_state", open: "opened", on: "on", off: "off", home: "at_home" };

function stateOf(device) {
  const { state, numbers: n } = device;
  const word = WORDS[state] ?? state;
  const parts = [device.unit && state !== "unavailable" ? `${state} ${device.unit}` : has(word) ? t(word) : state];
  if (device.kind === "light" && state === "on" && n.brightness !== undefined) parts.push(`${n.brightness} %`);
  if (device.kind === "fan" && state === "on" && n.percentage !== undefined) parts.push(`${n.percentage} %`);
  if (["cover", "valve"].includes(device.kind) && n.current_position > 0 && n.current_position < 100) parts.push(`${n.current_position} %`);
  if (n.current_temperature !== undefined) parts.push(t("is_at", { value: number(n.current_temperature, 1) }));
  if (n.temperature !== undefined) parts.push(t("set_to", { value: number(n.temperature, 1) }));
  if (device.title) parts.push(device.title);
  if (device.barred) parts.push(t("barred"));
  return parts.join(", ");
}

const button = (text, act, more = {}) => el("button", { type: "button", on: { click: act }, ...more }, text);
const round = (name, label, act, key) =>
  el("button", { type: "button", class: "round", "aria-label": label, data: { key }, on: { click: act } }, icon(name));

function slider(device, what, value, act) {
  const label = t(what);
  const shown = el("output", {}, value === null ? "" : `${Math.round(value)} %`);
  const range = el("input", {
    type: "range", min: 0, max: 100, step: 1, "aria-label": `${device.name}: ${label}`, data: { key: `${device.id} ${what}` },
    on: {
      input: () => { shown.textContent = `${range.value} %`; },
      change: () => act(what, Number(range.value)),
    },
  });
  range.value = value ?? 0;
  return el("div", { class: "slide" }, el("span", {}, label), range, shown);
}

export function deviceCard(device, act) {
  const can = new Set(device.can);
  const { id, name, numbers: n, state } = device;
  const active = ACTIVE.includes(state);
  const does = (what, value) => act("device", { id, do: what, value });
  const key = (what) => `${id} ${what}`;
  const named = (what) => `${t(what === "close" ? "close_it" : what)}: ${name}`;
  let control = null;
  const below = [];
  if (can.has("on")) {
    control = el("input", {
      type: "checkbox", role: "switch", class: "switch", checked: active, "aria-label": name, data: { key: key("switch") },
      on: { change: (event) => does(event.target.checked ? "on" : "off") },
    });
  } else if (can.has("run")) control = button(t("run"), () => does("run"), { "aria-label": named("run"), data: { key: key("run") } });
  else if (can.has("lock")) {
    const what = state === "locked" ? "unlock" : "lock";
    control = button(t(what), () => does(what), { "aria-label": named(what), data: { key: key("lock") } });
  } else if (can.has("open")) {
    control = el("div", { class: "buttons" },
      button(t("open"), () => does("open"), { "aria-label": named("open"), disabled: n.current_position === 100 || (state === "open" && n.current_position === undefined), data: { key: key("open") } }),
      button(t("close_it"), () => does("close"), { "aria-label": named("close"), disabled: state === "closed", data: { key: key("close") } }));
  } else if (can.has("start")) {
    const what = active ? "dock" : "start";
    control = button(t(what), () => does(what), { "aria-label": named(what), data: { key: key("start") } });
  }
  if (can.has("brightness") && state === "on") below.push(slider(device, "brightness", n.brightness ?? null, does));
  if (can.has("speed") && state === "on") below.push(slider(device, "speed", n.percentage ?? null, does));
  if (can.has("position")) below.push(slider(device, "position", n.current_position ?? null, does));
  if (can.has("temperature") && n.temperature !== undefined && state !== "off") {
    const step = n.target_temp_step ?? 0.5;
    below.push(el("div", { class: "slide" },
      round("minus", `${name}: ${t("colder")}`, () => does("temperature", n.temperature - step), key("colder")),
      el("span", { class: "time words" }, `${number(n.temperature, 1)}°`),
      round("plus", `${name}: ${t("warmer")}`, () => does("temperature", n.temperature + step), key("warmer"))));
  }
  if (can.has("play") && !["off", "unavailable"].includes(state)) {
    const what = state === "playing" ? "pause" : "play";
    const level = can.has("volume") && n.volume_level !== undefined ? slider(device, "volume", n.volume_level * 100, does) : null;
    below.push(el("div", { class: "slide" }, round(what, named(what), () => does(what), key("play"))), level);
  }
  return el("article", { class: `card${active ? " on" : ""}${state === "unavailable" ? " away" : ""}`, data: { device: id } },
    el("div", { class: "row" }, icon(ICONS[device.kind] ?? "sensor"),
      el("div", { class: "words" }, el("span", { class: "name" }, name), el("small", {}, stateOf(device))), control),
    below);
}

export function hubCards(rooms, act) {
  return rooms.map((room) => {
    const name = room.room ?? t("the_hub");
    const loud = room.volume === null ? null
      : slider({ id: `hub ${name}`, name }, "volume", room.volume * 100, (what, percent) => act("volume", { room: room.room, percent }));
    const stop = room.doing === "speaking" ? button(t("stop"), () => act("stop", {}), { data: { key: `stop ${name}` } }) : null;
    return el("article", { class: `card${["listening", "thinking", "speaking"].includes(room.doing) ? " on" : ""}`, data: { hub: name } },
      el("div", { class: "row" }, icon(room.muted ? "mic-off" : "mic"),
        el("div", { class: "words" }, el("span", { class: "name" }, name),
          el("small", {}, room.trouble ?? t(`doing_${room.doing}`))), stop),
      el("div", { class: "meter", role: "meter", "aria-label": t("level", { room: name }), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, el("span")),
      loud);
  });
}

// A level (0-1) as the ear hears it: in decibels.
export function showLevel(card, level) {
  const shown = level > 0 ? Math.max(0, 1 + (20 * Math.log10(level)) / 60) : 0;
  card.querySelector(".meter span").style.transform = `scaleX(${shown.toFixed(2)})`;
  card.querySelector(".meter").setAttribute("aria-valuenow", Math.round(shown * 100));
}

export const views = {
  async home(place, { get, act, shown }) {
    const home = await get("home");
    const parts = [];
    if (home.hub.length) parts.push(el("div", { class: "cards", id: "hub-rooms" }, hubCards(home.hub, act)));
    for (const room of home.rooms) {
      parts.push(el("section", {},
        el("h2", {}, room.name || t("no_room"), room.floor ? el("small", {}, room.floor) : null),
        el("div", { class: "cards" }, room.devices.map((device) => deviceCard(device, act)))));
    }
    fill(place, parts.length ? parts : empty(t("nothing")));
    shown(home);
  },

  async time(place, { get, act }) {
    const found = await get(`waiting?language=${language}`);
    const began = performance.now();
    const does = (id, what) => act("timer", { id, do: what }, "time");
    const clocks = [];
    const timers = found.timers.map((timer) => {
      const clock = el("span", { class: "time" }, span(timer.left));
      if (!timer.paused) clocks.push([clock, timer.left]);
      return el("article", { class: "card", data: { timer: timer.id } },
        el("div", { class: "row" }, icon("clock"),
          el("div", { class: "words" }, el("span", { class: "name" }, timer.label),
            el("small", {}, [timer.area, timer.paused ? t("paused") : null].filter(Boolean).join(", "))), clock),
        el("div", { class: "buttons" },
          button(t(timer.paused ? "resume" : "pause"), () => does(timer.id, timer.paused ? "resume" : "pause"), { data: { key: `${timer.id} pause` } }),
          button(t("more_time"), () => does(timer.id, "more"), { data: { key: `${timer.id} more` } }),
          button(t("cancel"), () => does(timer.id, "cancel"), { "aria-label": `${t("cancel")}: ${timer.label}`, data: { key: `${timer.id} cancel` } })));
    });
    const agenda = found.agenda.map((what) => el("li", {},
      el("div", { class: "words" }, el("span", {}, what.text || t(`kind_${what.kind}`)),
        el("small", {}, [what.text ? t(`kind_${what.kind}`) : null, what.when, what.person].filter(Boolean).join(", "))),
      button(t("cancel"), () => does(what.id, "cancel"), { class: "plain", "aria-label": `${t("cancel")}: ${what.text || what.when}`, data: { key: what.id } })));
    fill(place,
      el("h2", {}, t("timers")), timers.length ? el("div", { class: "cards" }, timers) : empty(t("no_timers"), t("try_timer")),
      el("h2", {}, t("agenda")), agenda.length ? el("ul", { class: "rows" }, agenda) : empty(t("no_agenda")));
    if (!clocks.length) return null;
    const tick = setInterval(() => {
      const gone = (performance.now() - began) / 1000;
      for (const [clock, left] of clocks) clock.textContent = span(left - gone);
    }, 1000);
    return () => clearInterval(tick);
  },

  async lists(place, { get, act }) {
    const found = await get("lists");
    const parts = found.lists.map((list) => {
      const does = (what, item) => act("item", { id: list.id, do: what, item }, "lists");
      const row = (item) => el("li", { class: item.done ? "struck" : null },
        el("input", { type: "checkbox", class: "tick", checked: item.done, disabled: item.done, "aria-label": t("tick", { item: item.text }),
          data: { key: `${list.id} ${item.text}` }, on: { change: () => does("done", item.text) } }),
        el("div", { class: "words" }, item.text),
        item.done ? null : el("button", { type: "button", class: "round small", "aria-label": t("remove", { item: item.text }), on: { click: () => does("remove", item.text) } }, icon("close")));
      const input = el("input", { type: "text", maxlength: 200, autocomplete: "off", "aria-label": t("add_item", { list: list.name }), placeholder: t("add_item", { list: list.name }), data: { key: `${list.id} add` } });
      const add = el("form", { class: "add", on: { submit: (event) => { event.preventDefault(); if (input.value.trim()) does("add", input.value); } } },
        input, el("button", { type: "submit", class: "round", "aria-label": `${t("add")}: ${list.name}` }, icon("plus")));
      const items = [...list.items.filter((item) => !item.done), ...list.items.filter((item) => item.done)];
      return el("section", { data: { list: list.id } }, el("h2", {}, list.name), items.length ? el("ul", { class: "rows" }, items.map(row)) : null, add);
    });
    fill(place, parts.length ? parts : empty(t("no_lists"), t("try_list")));
  },

  async history(place, { get }, kind = "turns") {
    const rows = el("ul", { class: "rows" });
    const earlier = button(t("earlier"), () => load(), { class: "plain" });
    let before = "";
    const pick = el("div", { class: "pick" }, [["turns", "said"], ["deeds", "happened"]].map(([value, text]) =>
      el("button", { type: "button", "aria-pressed": String(value === kind), data: { key: value }, on: { click: () => { location.hash = value === "turns" ? "#history" : "#history/deeds"; } } }, t(text))));
    const note = el("p", { class: "empty" });
    async function load() {
      const found = await get(`history?kind=${kind}&before=${encodeURIComponent(before)}`);
      rows.append(...found.rows.map(kind === "turns" ? turnRow : deedRow));
      rows.hidden = !rows.children.length;
      before = found.rows.at(-1)?.at ?? before;
      earlier.hidden = !found.more;
      note.textContent = kind === "turns" ? (found.hours ? t("words_kept", { hours: found.hours }) : t("words_never")) : rows.hidden ? t("nothing") : "";
    }
    await load();
    fill(place, pick, rows, earlier, note);
  },

  async why(place, { get }, id) {
    const turn = await get(`why?id=${encodeURIComponent(id)}`);
    const sure = turn.tier === "none" ? null : `${Math.round(turn.score * 100)} %`;
    const times = Object.entries(turn.stages_ms).filter(([, value]) => value).map(([name, value]) => `${name} ${Math.round(value)} ms`);
    const rows = [
      ["others", turn.hypotheses.slice(1).map((each) => `“${each.text}” (${each.score.toFixed(2)})`)],
      ["by", [t(`tier_${turn.tier}`)]], ["sure", [sure]], ["because", [turn.why]],
      ["calls", turn.calls.map((call) => `${call.tool}(${Object.entries(call.arguments).map(([name, value]) => `${name}=${value}`).join(", ")})`)],
      ["outcomes", turn.outcomes.map((each) => `${each.entity_id}: ${each.state}, ${t(each.confirmed ? "confirmed" : "not_confirmed")}`)],
      ["deeds", turn.deeds.map((deed) => `${deed.name}: ${deed.before ?? "?"} → ${deed.after ?? "?"}`)],
      ["considered", turn.candidates.slice(0, 8).map((each) => `${each.what} (${each.score.toFixed(2)})`)],
      ["took", [times.join(", ")]],
    ];
    const told = rows.map(([name, values]) => [name, values.filter(Boolean)]).filter(([, values]) => values.length);
    fill(place, el("p", { class: "soft" }, whereOf(turn)), el("p", { class: "quote" }, `“${turn.heard}”`), el("p", {}, turn.reply),
      el("h2", {}, t("why")), el("div", { class: "card" }, el("dl", {}, told.flatMap(([name, values]) => [el("dt", {}, t(name)), el("dd", {}, values.map((value) => el("div", {}, value)))]))));
  },

  async more(place, { session, logOut }) {
    const lines = [["routines", "repeat"], ["skills", "puzzle"], ["privacy", "shield"], ["status", "pulse"]];
    const select = el("select", { id: "language", on: { change: (event) => choose(event.target.value) } },
      Object.entries(LANGUAGES).map(([code, name]) => el("option", { value: code, selected: code === language }, name)));
    fill(place,
      el("div", { class: "rows" }, lines.map(([part, picture]) => el("a", { href: `#${part}` }, icon(picture), el("span", { class: "words" }, t(part)), icon("next")))),
      el("h2", {}, el("label", { for: "language" }, t("language"))), select,
      el("h2"), button(t("log_out"), logOut), el("p", { class: "empty" }, `Hearth ${session().version}`));
  },

  async routines(place, { get, act }) {
    const found = await get("routines");
    const rows = found.routines.map((each) => el("li", {},
      el("div", { class: "words" }, el("span", {}, each.name), el("small", {}, each.text)),
      button(t("run"), () => act("routine", { name: each.name, do: "run" }, "routines"), { "aria-label": `${t("run")}: ${each.name}` }),
      el("input", { type: "checkbox", role: "switch", class: "switch", checked: each.enabled, "aria-label": t("enabled", { name: each.name }), data: { key: each.name },
        on: { change: (event) => act("routine", { name: each.name, do: event.target.checked ? "enable" : "disable" }, "routines") } })));
    fill(place, rows.length ? el("ul", { class: "rows" }, rows) : empty(t("no_routines")));
  },

  async skills(place, { get, act }) {
    const found = await get("skills");
    const packs = found.packs.map((pack) => el("li", {},
      el("div", { class: "words" }, el("span", {}, `${pack.id} ${pack.version}`), el("small", { class: pack.refused ? "bad" : null }, pack.refused || t(pack.signed ? "signed" : "unsigned"))),
      el("input", { type: "checkbox", role: "switch", class: "switch", checked: pack.enabled, "aria-label": t("enabled", { name: pack.id }), data: { key: pack.id },
        on: { change: (event) => act("pack", { id: pack.id, enabled: event.target.checked }, "skills") } })));
    const skills = found.skills.map((skill) => el("details", {}, el("summary", {}, skill.name),
      el("ul", {}, skill.tools.map((tool) => el("li", {}, tool.does, tool.examples.map((example) => el("small", { class: "soft" }, `“${example}”`)))))));
    fill(place, found.problems.map((problem) => el("p", { class: "trouble" }, problem)),
      el("h2", {}, t("packs")), packs.length ? el("ul", { class: "rows" }, packs) : empty(t("no_packs")),
      el("h2", {}, t("bundled")), el("div", { class: "rows" }, skills));
  },

  async privacy(place, { get, ask, post, say }) {
    const found = await get("privacy");
    const rows = found.kept.map((each) => el("li", {},
      el("div", { class: "words" }, el("span", {}, each.about), el("small", {}, [t("entries", { count: each.entries }),
        each.since ? t("since", { date: moment(each.since) }) : null, `${t("kept_for")}: ${each.kept_for}`].filter(Boolean).join(", "))),
      el("span", { class: "mark" }, `${number(each.bytes / 1024)} KB`)));
    const person = el("input", { type: "text", id: "person", maxlength: 60, autocomplete: "off", placeholder: t("everybody") });
    async function take() {
      const password = await ask(t("export"), { password: true });
      if (password === null) return;
      const all = await post("export", { password });
      if (!all) return;
      const address = URL.createObjectURL(new Blob([JSON.stringify(all, null, 1)], { type: "application/json" }));
      el("a", { href: address, download: "hearth.json" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10000);
    }
    async function erase() {
      const name = person.value.trim();
      const password = await ask(name ? t("erase_sure_of", { person: name }) : t("erase_sure"), { password: true, yes: t("erase") });
      if (password !== null && (await post("erase", { password, person: name || null }))) say(t("erasing"));
    }
    fill(place, el("h2", {}, t("kept")), rows.length ? el("ul", { class: "rows" }, rows) : empty(t("nothing")),
      el("h2", {}, t("export")), el("p", { class: "soft" }, t("export_about")), el("div", { class: "add" }, button(t("export"), take, { data: { key: "export" } })),
      el("h2", {}, t("erase")), el("p", { class: "soft" }, t("erase_about")),
      el("label", { for: "person" }, t("erase_person")), person, el("div", { class: "add" }, button(t("erase"), erase, { data: { key: "erase" } })));
  },

  async status(place, { get }) {
    const found = await get("status");
    const line = (name, text, good) => el("li", {}, el("div", { class: "words" }, name), el("span", { class: good === undefined ? "mark" : good ? "good" : "bad" }, text));
    fill(place,
      el("h2", {}, t("troubles")), el("ul", { class: "rows" }, found.troubles.length
        ? found.troubles.map((each) => el("li", {}, el("div", { class: "words" }, el("span", { class: "bad" }, each.what), el("small", {}, each.why))))
        : el("li", { class: "good" }, icon("check"), t("no_troubles"))),
      el("h2", {}, t("the_hub")), el("ul", { class: "rows" },
        line(t("uptime"), span(found.uptime)),
        line(t("memory"), t("with_engines", { all: megabytes(found.memory.all), hub: megabytes(found.memory.hub) })),
        line(t("devices"), t("devices_told", found.devices)), line(t("version"), found.version)),
      el("h2", {}, t("connections")), el("ul", { class: "rows" }, found.connections.map((each) => line(`${each.kind} ${each.name}`, each.up ? t("up") : each.trouble, each.up))),
      found.engines.length ? el("h2", {}, t("engines")) : null,
      found.engines.length ? el("ul", { class: "rows" }, found.engines.map((each) => line(each.engine,
        each.trouble ?? [each.up ? megabytes(each.memory ?? 0) : t("not_started"), each.restarts ? t("restarts", { count: each.restarts }) : null].filter(Boolean).join(", ")))) : null);
  },
};

const empty = (...texts) => el("p", { class: "empty" }, texts.map((text) => el("span", {}, text, " ")));
const whereOf = (row) => [moment(row.at), row.area, t(`source_${row.source}`), row.person].filter(Boolean).join(" · ");

function turnRow(turn) {
  const mark = el("span", { class: `mark ${{ done: "good", error: "bad", unconfirmed: "bad" }[turn.outcome] ?? ""}` }, t(`outcome_${turn.outcome}`));
  const words = el("div", { class: "words" }, el("span", {}, turn.heard ? `“${turn.heard}”` : "…"), el("small", {}, turn.reply), el("small", {}, whereOf(turn)));
  return turn.id ? el("li", {}, el("a", { href: `#why/${turn.id}`, class: "words", "aria-label": `${t("why")}: ${turn.heard}` }, words), mark) : el("li", {}, words, mark);
}

function deedRow(deed) {
  return el("li", {}, el("div", { class: "words" }, el("span", {}, deed.name), el("small", {}, `${deed.before ?? "?"} → ${deed.after ?? "?"}`), el("small", {}, whereOf(deed))));
}
