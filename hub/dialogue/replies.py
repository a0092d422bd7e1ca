"""Words what happened, in the language that was spoken, and nothing that did not happen.

'Done' is said of devices that reported it. One that did not is named, with what is known of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.arguments import Unfit
from hub.dialogue import attributes, describe
from hub.dialogue.describe import Seen, see
from hub.dialogue.responses import field_error, fixed_sentences, render, respond
from hub.dialogue.speakable import number, sentence, speakable
from hub.errors import DeviceError, EngineCrashed, HearthError
from hub.home.hands import UNAVAILABLE, UNTOLD
from hub.home.link import Trouble
from hub.home.model import Entity, Home
from hub.home.targets import Missing
from hub.language import has_words, words
from hub.messages import Call, Outcome
from hub.skill import Answer
from hub.skillset import Performed

MOVING = frozenset({"cover", "lawn_mower", "lock", "vacuum", "valve"})
"""Domains of which 'on' and 'off' are not said."""


class Replies:
    """The hub's sentences, in every language that home-assistant-intents has; where Hearth has
    words of its own (`hub/language`), it uses those."""

    def dropped(self, language: str) -> str:
        """After a 'no'. Empty in a language without words for it: a tone says enough."""
        return str(words(language)["said"]["dropped"]) if has_words(language) else ""

    def not_understood(self, text: str, language: str) -> str:
        """When nobody could make anything of what was said."""
        if has_words(language):
            return str(words(language)["said"]["not_understood"])
        return sentence(field_error("no_intent", language, {}))

    def did_you_mean(self, command: str, language: str) -> str:
        """The question whether this was said; empty in a language without words for it."""
        if not has_words(language):
            return ""
        plain = command.strip().rstrip(".!?")
        said = plain if plain[:2] in ("I ", "I'") else plain[:1].lower() + plain[1:]
        return str(words(language)["said"]["did_you_say"].format(command=said))

    def unreachable(self, source: str, trouble: Trouble, language: str) -> str:
        """Why devices of a source cannot be asked just now; empty in a language without words for
        it. A source that knows better than that it is away has said so in English."""
        if not has_words(language):
            return ""
        if trouble.spoken and language.split("-")[0] == "en":
            return trouble.spoken
        known = words(language)
        named = known["sources"].get(source, source)
        return str(known["said"]["unreachable"].format(source=named))

    def frequent(self, language: str) -> list[str]:
        """Replies worth having ready as sound, the likeliest first."""
        said = [self.dropped(language), self.not_understood("", language)]
        said += [error.spoken for error in (HearthError, EngineCrashed, DeviceError)]
        said += [sentence(text.strip()) for text in fixed_sentences(language)]
        return [text for text in dict.fromkeys(said) if text]

    def for_turn(
        self, performed: Sequence[tuple[Call, Performed]], home: Home, language: str
    ) -> str:
        """One reply to all that was done in a turn."""
        parts = [
            speakable(sentence(part), language)
            for call, done in performed
            for part in _Wording(call, done, home, language).sentences()
        ]
        if any(done.unkept for _, done in performed) and has_words(language):
            parts.append(str(words(language)["said"]["unkept"]))
        return " ".join(dict.fromkeys(part for part in parts if part))

    def missing(self, missing: Missing, home: Home, language: str) -> str:
        """Why no device was found."""
        return sentence(_missing(missing, home, language))

    def unfit(self, unfit: Unfit, home: Home, language: str) -> str:
        """Why an argument cannot be."""
        return speakable(sentence(_unfit(unfit, language)), language)


class _Wording:
    """The wording of what became of one call."""

    def __init__(self, call: Call, done: Performed, home: Home, language: str) -> None:
        self._call = call
        self._done = done
        self._home = home
        self._language = language

    def sentences(self) -> list[str]:
        done = self._done
        if done == Performed():
            return [self._template((), (), {}, (self._call.response, "default"))]
        parts = [self._happened()]
        if done.answer is not None:
            parts += self._answered(done.answer)
        asks_which = done.ask is not None and done.ask.choices
        if done.missing is not None and not asks_which:
            parts.append(_missing(done.missing, self._home, self._language))
        if done.unfit is not None:
            parts.append(_unfit(done.unfit, self._language))
        if done.ask is not None:
            parts.append(done.ask.question)
        return parts

    def _answered(self, answer: Answer) -> list[str]:
        """What was asked for. A device that cannot be reached is no reason for a 'no'."""
        if attribute := answer.facts.get("attribute"):
            return [self._told(entity, str(attribute)) for entity in answer.matched]
        keys = self._question_keys(len(answer.matched))
        unheard = self._unheard(answer)
        known = [entity for entity in answer.unmatched if entity not in unheard]
        if not unheard or (answer.matched and "all" not in keys):
            return [self._template(answer.matched, known, answer.facts, keys)]
        told = self._template(answer.matched, known, answer.facts, keys) if known else ""
        outcomes = [
            Outcome(e.entity_id, e.name, "", False, error=self._why_unheard(e)) for e in unheard
        ]
        return [told, self._failures(outcomes)]

    def _told(self, entity: Entity, asked: str) -> str:
        """One attribute of one device; its state, if it is off or nobody can reach it."""
        language = self._language
        attribute = attributes.settled(entity, asked)
        state = self._home.state(entity.entity_id)
        described = str(self._values([entity], (), {})["description"])
        asleep = state.state in ("off", "standby")
        if (
            (entity.domain, attribute) in attributes.DESCRIBED
            or not state.available
            or (asleep and attributes.able(entity, attribute, self._home))
        ):
            return described
        value = attributes.value(entity, attribute, self._home, language)
        names = describe.names([entity], language)
        if not has_words(language):
            return f"{names}: {value}" if value else described
        said = words(language)["said"]
        the, no = attributes.names_of(attribute, language)
        if value is not None:
            return str(said["attribute"].format(attribute=the, names=names, value=value))
        if attribute == "setting":
            return described
        template = said["lacking_many" if describe.plural(entity.name) else "lacking_one"]
        return str(template.format(attribute=no, names=names))

    def _unheard(self, answer: Answer) -> list[Entity]:
        if "state" not in self._call.arguments or not has_words(self._language):
            return []
        return [e for e in answer.unmatched if not self._home.state(e.entity_id).available]

    def _why_unheard(self, entity: Entity) -> str:
        told = self._home.state(entity.entity_id).state
        return UNTOLD if told == "unknown" else UNAVAILABLE

    def _happened(self) -> str:
        """What became of the devices: what was done first, then what was not."""
        done = self._done
        good = [outcome for outcome in done.outcomes if outcome.error is None]
        bad = [outcome for outcome in done.outcomes if outcome.error is not None]
        if not bad:
            return done.said or (self._achieved(good) if good else "")
        if not has_words(self._language):
            return self._failed_in_field(good, bad)
        said = words(self._language)["said"]
        failures = self._failures(bad)
        if not good:
            return str(said["failed"].format(failures=failures))
        achieved = (done.said or self._achieved(good)).rstrip(". ")
        return str(said["failed_partly"].format(done=achieved, failures=failures))

    def _failed_in_field(self, good: Sequence[Outcome], bad: Sequence[Outcome]) -> str:
        """In a language Hearth has no words in: what was done, and the names of the rest."""
        names = describe.names(self._entities(bad), self._language)
        failed = f"{names}: {field_error('handle_error', self._language, {})}"
        return f"{self._achieved(good)}. {failed}" if good else failed

    def _achieved(self, outcomes: Sequence[Outcome]) -> str:
        entities = self._entities(outcomes)
        changed = any(outcome.changed for outcome in outcomes)
        if not changed and (already := self._already(entities)):
            return already
        return self._template(entities, (), {}, self._keys(entities))

    def _already(self, entities: Sequence[Entity]) -> str:
        """It was so before: said of what is on or off, open or closed."""
        seen = [see(self._home, entity) for entity in entities]
        switched = {"HassTurnOn": "on", "HassTurnOff": "off"}.get(self._call.tool)
        if switched is None or not has_words(self._language):
            return ""
        states = {
            describe.condition(one, self._language)
            if one.domain in MOVING
            else words(self._language)["states"][switched]
            for one in seen
        }
        if len(states) != 1:
            return ""
        several = len(seen) > 1 or describe.plural(seen[0].name)
        template = words(self._language)["said"]["already_many" if several else "already_one"]
        names = describe.names(seen, self._language)
        return str(template.format(names=names, state=states.pop()))

    def _failures(self, outcomes: Sequence[Outcome]) -> str:
        """'the Hallway Lamp did not answer and the Fan is not available'"""
        by_error: dict[str, list[Entity]] = {}
        for outcome in outcomes:
            entity = self._home.entities.get(outcome.entity_id)
            if entity is not None and outcome.error is not None:
                by_error.setdefault(outcome.error, []).append(entity)
        known = words(self._language)
        told = []
        for error, entities in by_error.items():
            templates = known["failures"].get(error) or known["failures"].get("otherwise") or {}
            many = len(entities) > 1 or describe.plural(entities[0].name)
            template = templates.get("many" if many else "one", error)
            names = describe.names(entities, self._language)
            filled = template.format(names=names)
            told.append(filled if "{names}" in template else f"{names} {filled}")
        return f" {known['and']} ".join(told)

    def _keys(self, entities: Sequence[Entity]) -> tuple[str, ...]:
        """Templates that fit, the most fitting first: how it was said, then what it was about."""
        arguments = self._call.arguments
        keys = [] if self._call.response == "default" else [self._call.response]
        keys += [key for key in ("brightness", "color", "temperature") if key in arguments]
        domains = {entity.domain for entity in entities}
        domain = domains.pop() if len(domains) == 1 else ""
        if domain in ("light", "fan") and "name" not in arguments:
            floor = "floor" in arguments and "area" not in arguments and domain == "light"
            keys.append(f"{domain}s_floor" if floor else f"{domain}s_area")
        return (*keys, domain, "default")

    def _question_keys(self, matched: int) -> tuple[str, ...]:
        call = self._call
        if call.tool != "HassGetState" or call.response != "default":
            return (call.response, "default", "current_temperature")
        if "state" not in call.arguments:
            return ("which",) if matched > 1 else ("one",)
        return ("one_yesno",) if "name" in call.arguments else ("any",)

    def _template(
        self,
        matched: Sequence[Entity],
        unmatched: Sequence[Entity],
        facts: Mapping[str, Any],
        keys: tuple[str, ...],
    ) -> str:
        values = self._values(matched, unmatched, facts)
        text = respond(self._call.tool, keys, self._language, values)
        if text or not (matched or unmatched):
            return text
        return str(values["description"])

    def _values(
        self, matched: Sequence[Entity], unmatched: Sequence[Entity], facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the templates can use."""
        language = self._language
        fitting = [see(self._home, entity) for entity in matched]
        others = [see(self._home, entity) for entity in unmatched]
        first = (fitting or others or [Seen()])[0]
        names = describe.names(fitting or others, language)
        slots = {**({"name": names} if names else {}), **self._call.arguments, **facts}
        slots |= {k: number(v, language) for k, v in slots.items() if isinstance(v, float)}
        values: dict[str, Any] = {
            "language": language,
            "names": names,
            "plural": len(fitting or others) > 1 or describe.plural(first.name),
            "slots": slots,
            "facts": facts,
            "state": first,
            "query": {"matched": fitting, "unmatched": others},
            "state_attr": self._attribute,
        }
        if entities := [*matched, *unmatched]:
            values |= self._described(entities[0], first)
            templates = words(language)["descriptions"]
            kind = first.device_class if first.domain == "sensor" else first.domain
            if first.state in ("unavailable", "unknown"):
                kind = "default"
            template = templates.get(kind or "") or templates["default"]
            values["description"] = render(template, values)
        return values

    def _described(self, entity: Entity, seen: Seen) -> dict[str, Any]:
        language, attributes = self._language, seen.attributes
        warmth = seen.state if seen.domain == "sensor" else attributes.get("current_temperature")
        target = attributes.get("temperature") if seen.domain == "climate" else None
        wanted = self._call.arguments.get("state")
        return {
            "condition": describe.condition(seen, language),
            "wanted": describe.state_word(str(wanted), seen, language) if wanted else "",
            "value": describe.value(seen, language),
            "percent": describe.percent(seen),
            "room": describe.room(self._home, entity, language),
            "temperature": "" if warmth is None else number(warmth, language),
            "target": "" if target is None else number(target, language),
        }

    def _attribute(self, entity_id: str, attribute: str) -> Any:
        return self._home.state(entity_id).attributes.get(attribute)

    def _entities(self, outcomes: Sequence[Outcome]) -> list[Entity]:
        ids = dict.fromkeys(outcome.entity_id for outcome in outcomes)
        return [self._home.entities[key] for key in ids if key in self._home.entities]


def _missing(missing: Missing, home: Home, language: str) -> str:
    if not has_words(language):
        return _missing_in_field(missing, language)
    known = words(language)
    kinds = known["kinds"]
    domain = missing.domains[0] if len(missing.domains) == 1 else ""
    kind = kinds.get(missing.device_class or domain, missing.device_class or domain)
    place = _place(missing, home, language)
    joined = known["or"] if missing.reason == "several" else known["and"]
    key: str = missing.reason
    if missing.reason == "kind" and not kind:
        key = "nothing"
    template = known["missing"][key]
    text = template.format(
        name=missing.name,
        area=missing.area,
        floor=missing.floor,
        kind=kind.replace("_", " "),
        place=f" {place}" if place else "",
        names=describe.names(missing.candidates, language, joined),
    )
    return " ".join(text.split())


def _place(missing: Missing, home: Home, language: str) -> str:
    said = words(language)["said"]
    english = language.split("-")[0] == "en"

    def spoken(name: str) -> str:
        return name.lower() if english and "'" not in name else name

    if missing.area:
        area = home.find_area(missing.area)
        return str(said["in_area"].format(area=spoken(area.name if area else missing.area)))
    if missing.floor:
        floor = home.find_floor(missing.floor)
        name = spoken(floor.name if floor else missing.floor)
        return name if name in said["adverbs"] else str(said["on_floor"].format(floor=name))
    return ""


def _missing_in_field(missing: Missing, language: str) -> str:
    """The sentences of home-assistant-intents, for a language Hearth has no words in."""
    place = "_in_area" if missing.area else "_in_floor" if missing.floor else ""
    kind = "device_class" if missing.device_class else "domain"
    key = {
        "name": f"no_entity{place}",
        "area": "no_area",
        "floor": "no_floor",
        "kind": f"no_{kind}{place}",
        "several": "duplicate_targets",
        "unable": "feature_not_supported",
    }[missing.reason]
    values = {
        "entity": missing.name,
        "area": missing.area,
        "floor": missing.floor,
        "domain": missing.domains[0] if missing.domains else "",
        "device_class": missing.device_class or "",
    }
    return field_error(key, language, values) or field_error("no_intent", language, values)


def _unfit(unfit: Unfit, language: str) -> str:
    if not has_words(language):
        return field_error("handle_error", language, {})
    known = words(language)
    templates = known["missing"]
    named = known["parameters"].get(unfit.parameter, unfit.parameter.replace("_", " ").capitalize())
    if unfit.absent:
        return str(templates["argument"].format(parameter=named))
    if unfit.low is not None and unfit.high is not None:
        return str(
            templates["range"].format(
                parameter=named,
                low=number(unfit.low, language),
                high=number(unfit.high, language),
                unit=f" {unfit.unit}" if unfit.unit else "",
            )
        )
    if unfit.choices:
        choices = ", ".join(unfit.choices[:-1])
        last = unfit.choices[-1]
        listed = f"{choices} {known['or']} {last}" if choices else last
        return str(templates["choices"].format(parameter=named, choices=listed))
    return str(templates["unfit"].format(value=unfit.value))
