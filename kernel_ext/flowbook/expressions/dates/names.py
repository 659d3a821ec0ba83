"""Names of months and days, and the styles that are written in words, in the languages flowbook knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True)
class Names:
    """One language's words."""

    months: Sequence[str]
    days: Sequence[str]
    """From Monday on."""
    short_months: Sequence[str]
    short_days: Sequence[str]
    styles: Mapping[str, str] = field(default_factory=dict)
    """Patterns of `full`, `long`, `medium` and `short` where they differ from English."""


def _names(months: str, days: str, short_months: str, short_days: str, **styles: str) -> Names:
    return Names(months.split(), days.split(), short_months.split(), short_days.split(), styles)


LOCALES: Mapping[str, Names] = {
    "en": _names(
        "January February March April May June July August September October November December",
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Mon Tue Wed Thu Fri Sat Sun",
    ),
    "fr": _names(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "lun. mar. mer. jeu. ven. sam. dim.",
        full="EEEE d MMMM yyyy",
        long="d MMMM yyyy",
        medium="d MMM yyyy",
        short="dd/MM/yyyy",
    ),
    "de": _names(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
        "Mo. Di. Mi. Do. Fr. Sa. So.",
        full="EEEE, d. MMMM yyyy",
        long="d. MMMM yyyy",
        medium="dd.MM.yyyy",
        short="dd.MM.yy",
    ),
    "es": _names(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "lunes martes miércoles jueves viernes sábado domingo",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "lun mar mié jue vie sáb dom",
        full="EEEE, d 'de' MMMM 'de' yyyy",
        long="d 'de' MMMM 'de' yyyy",
        medium="d MMM yyyy",
        short="d/M/yy",
    ),
    "it": _names(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "lun mar mer gio ven sab dom",
        full="EEEE d MMMM yyyy",
        long="d MMMM yyyy",
        medium="d MMM yyyy",
        short="dd/MM/yy",
    ),
    "nl": _names(
        "januari februari maart april mei juni juli augustus september oktober november december",
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "ma di wo do vr za zo",
        full="EEEE d MMMM yyyy",
        long="d MMMM yyyy",
        medium="d MMM yyyy",
        short="dd-MM-yyyy",
    ),
    "pt": _names(
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
        "seg. ter. qua. qui. sex. sáb. dom.",
        full="EEEE, d 'de' MMMM 'de' yyyy",
        long="d 'de' MMMM 'de' yyyy",
        medium="d 'de' MMM 'de' yyyy",
        short="dd/MM/yyyy",
    ),
}


@lru_cache(maxsize=100)
def names_of(locale: str | None) -> Names:
    """A locale's names, by its language; one that isn't known reads as English, as Java's root locale does."""
    language = (locale or "en").replace("_", "-").partition("-")[0].lower()
    return LOCALES.get(language, LOCALES["en"])
