// The page: who is logged in, which part is shown, what happens meanwhile.
import { byId, el, fill } from "./dom.js";
import { language, t, translate } from "./texts.js";
import { deviceCard, hubCards, showLevel, views } from "./views.js";

const TABS = { home: "home", time: "time", lists: "lists", history: "history", why: "history" };
const RETRY = 3000;
let session = { in: false };
let live = null;
let putAway = null;
let number = 0;

// --- talking with the hub ---------------------------------------------------------------------

async function fetched(path, options = {}) {
  let response;
  try {
    response = await fetch(`/api/${path}`, { credentials: "same-origin", ...options });
  } catch {
    throw new Error(t("away"));
  }
  const told = await response.json().catch(() => ({}));
  if (response.status === 401) {
    logIn(t("ended"));
    throw new Error(t("ended"));
  }
  if (!response.ok) throw Object.assign(new Error(told.error ?? t("away")), { told, status: response.status });
  return told;
}

const sent = (path, content, secret = session.secret) => fetched(path, {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-Hearth-Session": secret },
  body: JSON.stringify({ language, ...content }),
});

async function post(path, content) {
  try {
    return await sent(path, content);
  } catch (error) {
    say(error.status === 403 && error.message === "wrong" ? t("wrong") : error.message);
    return null;
  }
}

// Do something, and show what came of it. `part`: what to show anew then.
async function act(path, content, part = null) {
  const told = await post(path, content);
  if (told?.reply) answered(told);
  if (part && location.hash.slice(1).split("/")[0] === part) await show();
  else if (!told) await show();
  return told;
}

// --- what is said back --------------------------------------------------------------------------

let fading = null;
function say(text, { undo = false, asks = null } = {}) {
  clearTimeout(fading);
  byId("toast").hidden = false;
  byId("toast-text").textContent = text;
  byId("undo").hidden = !undo;
  byId("pin-form").hidden = asks?.kind !== "pin";
  const choices = asks?.kind === "yes" ? [t("yes"), t("no")] : asks?.kind === "choice" ? asks.choices : [];
  fill(byId("answers"), choices.map((choice, place) => el("button", {
    type: "button", class: place === 0 && asks.kind === "yes" ? "primary" : null, on: { click: () => spoken(choice) },
  }, choice)));
  if (asks?.kind === "pin") byId("pin").focus();
  if (!asks) fading = setTimeout(() => { byId("toast").hidden = true; }, 8000);
}

const answered = (told) => say(told.reply, told);

async function spoken(text) {
  const told = await post("say", { text });
  if (told) answered(told);
  const part = location.hash.slice(1);
  if (["time", "lists", "history", "routines"].includes(part)) await show();
}

// --- asking the person --------------------------------------------------------------------------

function ask(text, { password = false, yes = "OK" } = {}) {
  const dialog = byId("ask");
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  byId("ask-field").hidden = !password;
  byId("ask-label").textContent = t("once_more");
  byId("ask-value").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? byId("ask-value").value : null);
      byId("ask-value").value = "";
    }, { once: true });
  });
}

// --- the parts ------------------------------------------------------------------------------------

const tools = {
  get: fetched, act, post, ask, say, session: () => session,
  async logOut() {
    await post("logout", {});
    logIn();
  },
  shown(home) {
    hubChanged(home.hub);
    approvalChanged(home.approval);
  },
};

async function show() {
  if (!session.in) return;
  const mine = ++number;
  const [part, rest] = (location.hash.slice(1) || "home").split("/");
  const name = part in views ? part : "home";
  const title = t(name === "why" ? "history" : name);
  byId("title").textContent = title;
  document.title = `${title} · Hearth`;
  byId("back").hidden = ["home", "time", "lists", "history", "more"].includes(name) && name !== "why";
  for (const link of document.querySelectorAll(".tabs a")) {
    const current = link.hash.slice(1) === (TABS[name] ?? "more");
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  putAway?.();
  putAway = null;
  const place = el("div");
  const main = byId("main");
  if (main.dataset.part !== name) fill(main, el("p", { class: "empty" }, t("loading")));
  try {
    const over = await views[name](place, tools, rest);
    if (mine !== number) {
      over?.();
      return;
    }
    putAway = over ?? null;
    const moved = main.dataset.part !== name;
    const at = moved ? 0 : window.scrollY;
    fill(main, [...place.childNodes]);
    main.dataset.part = name;
    window.scrollTo(0, at);
  } catch (error) {
    if (mine === number && session.in) fill(main, el("p", { class: "empty trouble" }, error.message));
  }
}

// --- what happens meanwhile -----------------------------------------------------------------------

function follow() {
  live?.close();
  live = null;
  if (!session.in || document.hidden) return;
  live = new EventSource("/api/live?levels=1");
  let lost = false;
  live.onopen = () => {
    if (lost) show(); // the browser has connected again by itself: what happened meanwhile was not told
    lost = false;
  };
  live.onmessage = (event) => happened(JSON.parse(event.data));
  live.onerror = () => {
    lost = true;
    if (live?.readyState !== EventSource.CLOSED) return;
    live = null;
    setTimeout(enter, RETRY); // the hub is away, or begins anew, or the session is over
  };
}

function happened(news) {
  if (news.rooms) hubChanged(news.rooms);
  if ("approval" in news) approvalChanged(news.approval);
  const part = location.hash.slice(1) || "home";
  if (news.renamed && part === "home") show();
  else if (part === "home") (news.devices ?? []).forEach(deviceChanged);
  if (news.lists && part === "lists") show();
  if (news.turn && (part === "history" || part === "time")) show();
}

function deviceChanged(device) {
  const card = document.querySelector(`[data-device="${CSS.escape(device.id)}"]`);
  if (!card) return;
  const key = card.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const made = deviceCard(device, act);
  card.replaceWith(made);
  if (key) made.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

let hubShown = "";
function hubChanged(rooms) {
  const own = rooms.find((room) => room.kind === "hub");
  const mute = byId("mute");
  mute.hidden = !own;
  if (own) {
    mute.setAttribute("aria-pressed", String(own.muted));
    mute.setAttribute("aria-label", t(own.muted ? "muted" : "mute"));
    mute.querySelector("use").setAttribute("href", own.muted ? "#i-mic-off" : "#i-mic");
  }
  const place = byId("hub-rooms");
  if (!place) return;
  const now = JSON.stringify(rooms.map((room) => ({ ...room, level: 0 })));
  if (now !== hubShown || place.children.length !== rooms.length) fill(place, hubCards(rooms, act));
  hubShown = now;
  rooms.forEach((room, index) => showLevel(place.children[index], room.level));
}

function approvalChanged(request) {
  const place = byId("approval");
  place.hidden = !request;
  place.dataset.id = request?.id ?? "";
  byId("approval-text").textContent = request ? [request.question, request.area].filter(Boolean).join(" · ") : "";
}

// --- the way in -----------------------------------------------------------------------------------

function logIn(trouble = "") {
  session = { in: false };
  live?.close();
  live = null;
  putAway?.();
  putAway = null;
  byId("app").hidden = true;
  byId("toast").hidden = true;
  fill(byId("main"));
  byId("main").dataset.part = "";
  byId("login").hidden = false;
  byId("login-trouble").textContent = trouble;
  byId("password").focus();
}

const lockedFor = (seconds) => t("locked", { minutes: Math.max(1, Math.ceil(seconds / 60)) });

async function enter() {
  try {
    session = await fetched("session");
  } catch (error) {
    if (!byId("app").hidden) say(error.message);
    else logIn(error.message);
    setTimeout(enter, RETRY);
    return;
  }
  if (!session.in) {
    logIn(session.locked ? lockedFor(session.locked) : "");
    return;
  }
  byId("login").hidden = true;
  byId("app").hidden = false;
  follow();
  await show();
}

byId("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = byId("password");
  const trouble = byId("login-trouble");
  trouble.textContent = "";
  try {
    await sent("login", { password: field.value }, "login");
    field.value = "";
    await enter();
  } catch (error) {
    field.value = "";
    trouble.textContent = error.told?.locked ? lockedFor(error.told.locked)
      : error.status === 403 ? t("wrong") : error.status === 429 ? lockedFor(60) : error.message;
    field.focus();
  }
});

byId("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text) return;
  byId("text").value = "";
  await spoken(text);
});
byId("pin-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const pin = byId("pin").value;
  byId("pin").value = "";
  await spoken(pin);
});
byId("undo").addEventListener("click", async () => {
  await act("undo", {});
  await show();
});
byId("toast-close").addEventListener("click", () => { byId("toast").hidden = true; });
byId("mute").addEventListener("click", () => act("mute", { muted: byId("mute").getAttribute("aria-pressed") !== "true" }));
for (const [id, agreed] of [["approve", true], ["deny", false]]) {
  byId(id).addEventListener("click", () => act("approval", { id: byId("approval").dataset.id, agreed }));
}
byId("back").addEventListener("click", () => {
  location.hash = location.hash.startsWith("#why") ? "#history" : "#more";
});
window.addEventListener("hashchange", () => {
  show();
  byId("title").focus({ preventScroll: true });
});
document.addEventListener("visibilitychange", () => (document.hidden ? follow() : session.in && enter()));

translate();
enter();
