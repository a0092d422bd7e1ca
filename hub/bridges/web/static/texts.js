const en = {
  password: "Password", log_in: "Log in", log_out: "Log out", skip: "To the content", back: "Back",
  wrong: "That is not the password.", locked: "Too many wrong passwords. Try again in {minutes} min.",
  away: "The hub cannot be reached. It is tried again.", ended: "You have been logged out.",
  approve: "Approve", deny: "Deny", undo: "Undo", yes: "Yes", no: "No", close: "Close", cancel: "Cancel",
  say: "Say something to your home", send: "Send", pin: "PIN", parts: "Parts of the page",
  home: "Rooms", time: "Timers", lists: "Lists", history: "History", more: "More",
  mute: "Mute the microphone", muted: "The microphone is muted. Open it",
  no_room: "Elsewhere", nothing: "Nothing here.", loading: "One moment…",
  doing_asleep: "waits for its wake word", doing_listening: "listens", doing_thinking: "thinks",
  doing_speaking: "speaks", doing_muted: "muted", doing_away: "away", the_hub: "The hub",
  level: "Loudness in {room}", volume_of: "Volume in {room}", stop: "Be silent",
  on: "on", off: "off", open: "Open", close_it: "Close", lock: "Lock", unlock: "Unlock", run: "Run",
  play: "Play", pause: "Pause", start: "Start", dock: "To its base", colder: "Colder", warmer: "Warmer",
  brightness: "Brightness", position: "Position", speed: "Speed", volume: "Volume", barred: "not by voice",
  timers: "Timers", agenda: "Alarms, reminders, planned", no_timers: "No timer runs.",
  no_agenda: "Nothing is planned.", paused: "paused", resume: "Go on", more_time: "One minute more",
  kind_alarm: "Alarm", kind_reminder: "Reminder", kind_command: "Planned", kind_back: "Until then",
  try_timer: "Say “set a timer for ten minutes” below.",
  add_item: "Add to {list}", add: "Add", done_items: "Done", no_lists: "There are no lists yet.",
  try_list: "Say “add milk to the shopping list” below.", tick: "Check off {item}", remove: "Remove {item}",
  said: "What was said", happened: "What was done", earlier: "Earlier", why: "Why",
  words_kept: "Words are kept for {hours} h.", words_never: "Words are never kept.",
  heard_as: "Heard", others: "Or", by: "Understood by", sure: "Sure", because: "Because", calls: "Called",
  outcomes: "Devices", answer: "Answer", took: "Took", considered: "Considered", deeds: "Done by it",
  outcome_done: "done", outcome_unconfirmed: "not confirmed", outcome_asked: "asked back",
  outcome_not_understood: "not understood", outcome_error: "error",
  confirmed: "confirmed", not_confirmed: "not confirmed",
  tier_phrase: "a sentence that a skill knows, or a tap", tier_rules: "the shared sentences and rules",
  tier_model: "the language model", tier_dialogue: "an answer to a question", tier_none: "nobody",
  source_voice: "voice", source_phone: "phone or page", source_timer: "timer", source_routine: "routine",
  source_skill: "skill", source_outside: "by itself or by hand",
  skills: "Skills", routines: "Routines", privacy: "Privacy", status: "Condition",
  packs: "Packs", signed: "signed", unsigned: "not signed", bundled: "Skills that come with it",
  enabled: "{name} is on", no_routines: "No routines. Say “when I say good night, turn off the lights”.",
  no_packs: "No packs are installed. 'hearth skill install' installs one.",
  kept: "What is kept", kept_for: "kept for", entries: "{count} entries", since: "since {date}",
  export: "Take it with you", export_about: "Everything that is kept, as one JSON file. It is not encrypted.",
  erase: "Erase", erase_about: "Erases everything that is kept about people. The hub is away for a moment, and you have to log in again.",
  erase_person: "Only what is of", everybody: "everybody", erase_sure: "Erase all that is kept? That cannot be undone.",
  erase_sure_of: "Erase all that is known to be of {person}? That cannot be undone.",
  once_more: "Your password, once more", erasing: "It is being erased. The page comes back by itself.",
  memory: "Memory", with_engines: "{all} with engines, {hub} without", uptime: "Up", troubles: "Troubles",
  connections: "Connections", engines: "Engines", no_troubles: "Everything is well.", up: "there", down: "away",
  restarts: "started again {count}×", not_started: "not started", devices: "Devices",
  devices_told: "{known}, of which {unavailable} are unavailable", language: "Language", version: "Version",
  unlocked: "unlocked", locked_state: "locked", opened: "open", closed: "closed", opening: "opening",
  closing: "closing", unavailable: "unavailable", unknown: "unknown", playing: "playing", idle: "idle",
  heat: "heating", cool: "cooling", auto: "automatic", heat_cool: "automatic", cleaning: "cleaning", docked: "docked",
  returning: "returning", standby: "standby", not_home: "away", at_home: "home", locking: "locking", unlocking: "unlocking",
  mowing: "mowing", disarmed: "disarmed", armed_away: "armed", armed_home: "armed, home", triggered: "triggered",
  set_to: "set to {value}°", is_at: "{value}°",
};

const de = {
  password: "Passwort", log_in: "Anmelden", log_out: "Abmelden", skip: "Zum Inhalt", back: "Zurück",
  wrong: "Das ist nicht das Passwort.", locked: "Zu viele falsche Passwörter. In {minutes} min wieder.",
  away: "Der Hub ist nicht zu erreichen. Es wird weiter versucht.", ended: "Du bist abgemeldet.",
  approve: "Erlauben", deny: "Ablehnen", undo: "Rückgängig", yes: "Ja", no: "Nein", close: "Schließen", cancel: "Abbrechen",
  say: "Sag deinem Zuhause etwas", send: "Senden", pin: "PIN", parts: "Teile der Seite",
  home: "Räume", time: "Timer", lists: "Listen", history: "Verlauf", more: "Mehr",
  mute: "Mikrofon stummschalten", muted: "Das Mikrofon ist stumm. Öffnen",
  no_room: "Anderswo", nothing: "Hier ist nichts.", loading: "Einen Moment …",
  doing_asleep: "wartet auf sein Weckwort", doing_listening: "hört zu", doing_thinking: "denkt nach",
  doing_speaking: "spricht", doing_muted: "stumm", doing_away: "nicht da", the_hub: "Der Hub",
  level: "Lautstärke in {room}", volume_of: "Wie laut in {room} gesprochen wird", stop: "Sei still",
  on: "an", off: "aus", open: "Öffnen", close_it: "Schließen", lock: "Abschließen", unlock: "Aufschließen", run: "Ausführen",
  play: "Abspielen", pause: "Anhalten", start: "Starten", dock: "Zur Station", colder: "Kälter", warmer: "Wärmer",
  brightness: "Helligkeit", position: "Position", speed: "Stufe", volume: "Lautstärke", barred: "nicht per Sprache",
  timers: "Timer", agenda: "Wecker, Erinnerungen, Geplantes", no_timers: "Es läuft kein Timer.",
  no_agenda: "Es ist nichts geplant.", paused: "angehalten", resume: "Weiter", more_time: "Eine Minute mehr",
  kind_alarm: "Wecker", kind_reminder: "Erinnerung", kind_command: "Geplant", kind_back: "Bis dahin",
  try_timer: "Sag unten „stell einen Timer auf zehn Minuten“.",
  add_item: "Auf {list} setzen", add: "Dazu", done_items: "Erledigt", no_lists: "Es gibt noch keine Listen.",
  try_list: "Sag unten „setz Milch auf die Einkaufsliste“.", tick: "{item} abhaken", remove: "{item} entfernen",
  said: "Was gesagt wurde", happened: "Was getan wurde", earlier: "Früher", why: "Warum",
  words_kept: "Worte werden {hours} h behalten.", words_never: "Worte werden nie behalten.",
  heard_as: "Gehört", others: "Oder", by: "Verstanden durch", sure: "Sicher", because: "Weil", calls: "Aufgerufen",
  outcomes: "Geräte", answer: "Antwort", took: "Dauer", considered: "Erwogen", deeds: "Dadurch getan",
  outcome_done: "getan", outcome_unconfirmed: "nicht bestätigt", outcome_asked: "nachgefragt",
  outcome_not_understood: "nicht verstanden", outcome_error: "Fehler",
  confirmed: "bestätigt", not_confirmed: "nicht bestätigt",
  tier_phrase: "einen Satz, den ein Skill kennt, oder ein Tippen", tier_rules: "gemeinsame Sätze und Regeln",
  tier_model: "das Sprachmodell", tier_dialogue: "eine Antwort auf eine Frage", tier_none: "niemanden",
  source_voice: "Sprache", source_phone: "Telefon oder Seite", source_timer: "Timer", source_routine: "Routine",
  source_skill: "Skill", source_outside: "von selbst oder von Hand",
  skills: "Skills", routines: "Routinen", privacy: "Privatsphäre", status: "Zustand",
  packs: "Packs", signed: "signiert", unsigned: "nicht signiert", bundled: "Mitgelieferte Skills",
  enabled: "{name} ist an", no_routines: "Keine Routinen. Sag „wenn ich gute Nacht sage, mach das Licht aus“.",
  no_packs: "Es sind keine Packs installiert. „hearth skill install“ installiert eines.",
  kept: "Was behalten wird", kept_for: "behalten", entries: "{count} Einträge", since: "seit {date}",
  export: "Mitnehmen", export_about: "Alles, was behalten wird, als eine JSON-Datei. Sie ist nicht verschlüsselt.",
  erase: "Löschen", erase_about: "Löscht alles, was über Menschen behalten wird. Der Hub ist kurz nicht da, und du musst dich neu anmelden.",
  erase_person: "Nur was zu wem gehört", everybody: "alle", erase_sure: "Alles löschen, was behalten wird? Das lässt sich nicht rückgängig machen.",
  erase_sure_of: "Alles löschen, was bekanntlich von {person} ist? Das lässt sich nicht rückgängig machen.",
  once_more: "Noch einmal dein Passwort", erasing: "Es wird gelöscht. Die Seite kommt von selbst wieder.",
  memory: "Speicher", with_engines: "{all} mit Engines, {hub} ohne", uptime: "Läuft seit", troubles: "Probleme",
  connections: "Verbindungen", engines: "Engines", no_troubles: "Alles ist in Ordnung.", up: "da", down: "nicht da",
  restarts: "{count}× neu gestartet", not_started: "nicht gestartet", devices: "Geräte",
  devices_told: "{known}, davon {unavailable} nicht erreichbar", language: "Sprache", version: "Version",
  unlocked: "aufgeschlossen", locked_state: "abgeschlossen", opened: "offen", closed: "geschlossen", opening: "öffnet",
  closing: "schließt", unavailable: "nicht erreichbar", unknown: "unbekannt", playing: "spielt", idle: "bereit",
  heat: "heizt", cool: "kühlt", auto: "automatisch", heat_cool: "automatisch", cleaning: "saugt", docked: "an der Station",
  returning: "fährt zurück", standby: "Bereitschaft", not_home: "nicht da", at_home: "da", locking: "schließt ab", unlocking: "schließt auf",
  mowing: "mäht", disarmed: "unscharf", armed_away: "scharf", armed_home: "scharf, zu Hause", triggered: "ausgelöst",
  set_to: "auf {value}°", is_at: "{value}°",
};

export const LANGUAGES = { en: "English", de: "Deutsch" };
const all = { en, de };
const stored = () => { try { return localStorage.getItem("language"); } catch { return null; } };
const wanted = [stored(), ...navigator.languages.map((code) => code.slice(0, 2))];
export const language = wanted.find((code) => code in all) ?? "en";

export function choose(code) {
  try { localStorage.setItem("language", code); } catch { /* it holds until the page is closed */ }
  location.reload();
}

export function t(key, values = {}) {
  const text = all[language][key] ?? all.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const has = (key) => key in all.en;

// Words into the parts of the page that are there from the beginning.
export function translate() {
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", t(each.dataset.label));
  for (const each of document.querySelectorAll("[data-placeholder]")) each.placeholder = t(each.dataset.placeholder);
}

export const number = (value, digits = 0) => value.toLocaleString(language, { maximumFractionDigits: digits });
export const megabytes = (bytes) => `${number(bytes / 2 ** 20)} MB`;
export function moment(text) {
  const at = new Date(text);
  const today = at.toDateString() === new Date().toDateString();
  const day = today ? {} : { weekday: "short", day: "numeric", month: "short" };
  return at.toLocaleString(language, { ...day, hour: "2-digit", minute: "2-digit" });
}
export function span(seconds) {
  const left = Math.max(0, Math.round(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
