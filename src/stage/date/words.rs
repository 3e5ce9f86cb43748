//! The words of dates: months, weekdays, halves of the day, and names of zones.

use chrono::{Offset, TimeZone, Weekday};
use chrono_tz::{OffsetName, Tz};

use super::Zone;

/// Names of the months, folded (see [`fold`]): nominative, genitive and usual short forms, in English, Swedish, German, French,
/// Spanish, Italian, Portuguese, Dutch, Danish, Norwegian, Russian, Polish, Hungarian and Greek. No word means two months.
#[rustfmt::skip]
const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "januari", "januar", "janner", "janvier", "janv", "enero", "ene", "gennaio", "gen", "janeiro", "январь",
      "января", "янв", "styczen", "stycznia", "sty", "ιανουαριοσ", "ιανουαριου", "ιαν"],
    &["february", "feb", "februari", "februar", "feber", "fevrier", "fevr", "fev", "febrero", "febbraio", "fevereiro", "февраль",
      "февраля", "фев", "февр", "luty", "lutego", "lut", "φεβρουαριοσ", "φεβρουαριου", "φεβ"],
    &["march", "mar", "mars", "marz", "maerz", "mrz", "marzo", "marco", "maart", "mrt", "marts", "март", "марта", "мар",
      "marzec", "marca", "marcius", "μαρτιοσ", "μαρτιου", "μαρ"],
    &["april", "apr", "avril", "avr", "abril", "abr", "aprile", "апрель", "апреля", "апр", "kwiecien", "kwietnia", "kwi",
      "aprilis", "απριλιοσ", "απριλιου", "απρ"],
    &["may", "maj", "mai", "mayo", "maggio", "mag", "maio", "mei", "май", "мая", "maja", "majus", "μαιοσ", "μαιου", "μαι"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "giu", "junho", "июнь", "июня", "июн", "czerwiec", "czerwca", "cze",
      "junius", "ιουνιοσ", "ιουνιου", "ιουν", "ιον"],
    &["july", "jul", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho", "июль", "июля", "июл", "lipiec", "lipca",
      "lip", "julius", "ιουλιοσ", "ιουλιου", "ιουλ", "ιολ"],
    &["august", "aug", "augusti", "aout", "agosto", "ago", "augustus", "август", "августа", "авг", "sierpien", "sierpnia", "sie",
      "augusztus", "αυγουστοσ", "αυγουστου", "αυγ"],
    &["september", "sep", "sept", "septembre", "septiembre", "setiembre", "settembre", "set", "sett", "setembro", "сентябрь",
      "сентября", "сен", "сент", "wrzesien", "wrzesnia", "wrz", "szeptember", "σεπτεμβριοσ", "σεπτεμβριου", "σεπ", "σεπτ"],
    &["october", "oct", "oktober", "okt", "octobre", "octubre", "ottobre", "ott", "outubro", "out", "октябрь", "октября", "окт",
      "pazdziernik", "pazdziernika", "paz", "οκτωβριοσ", "οκτωβριου", "οκτ"],
    &["november", "nov", "novembre", "noviembre", "novembro", "ноябрь", "ноября", "ноя", "нояб", "listopad", "listopada", "lis",
      "νοεμβριοσ", "νοεμβριου", "νοε"],
    &["december", "dec", "dezember", "dez", "decembre", "diciembre", "dic", "dicembre", "dezembro", "desember", "des", "декабрь",
      "декабря", "дек", "grudzien", "grudnia", "gru", "δεκεμβριοσ", "δεκεμβριου", "δεκ"],
];

/// The Finnish months, folded, without the ending `kuu` (month), its cases and its short form `k`.
const FINNISH_MONTHS: [&str; 12] =
    ["tammi", "helmi", "maalis", "huhti", "touko", "kesa", "heina", "elo", "syys", "loka", "marras", "joulu"];

/// Lower case without the accents of the languages that dates are read in, so that `Février`, `FEVRIER` and `février` are one word.
pub(super) fn fold(word: &str) -> String {
    word.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|c| {
            Some(match c {
                'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => 'a',
                'ç' | 'ć' | 'č' => 'c',
                'è' | 'é' | 'ê' | 'ë' | 'ę' => 'e',
                'ì' | 'í' | 'î' | 'ï' => 'i',
                'ł' => 'l',
                'ñ' | 'ń' => 'n',
                'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => 'o',
                'ś' | 'š' => 's',
                'ù' | 'ú' | 'û' | 'ü' | 'ű' => 'u',
                'ź' | 'ż' | 'ž' => 'z',
                'ά' => 'α',
                'έ' => 'ε',
                'ή' => 'η',
                'ί' | 'ϊ' | 'ΐ' => 'ι',
                'ό' => 'ο',
                'ύ' | 'ϋ' | 'ΰ' => 'υ',
                'ώ' => 'ω',
                'ς' => 'σ',
                // Combining marks of decomposed text.
                '\u{300}'..='\u{36f}' => return None,
                other => other,
            })
        })
        .collect()
}

/// The month (1 to 12) that a three-letter English abbreviation names.
pub(super) fn english_month(letters: [u8; 3]) -> Option<u32> {
    Some(match &letters.map(|b| b | 0x20) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

/// The month (1 to 12) that a word names in any of the languages.
pub(super) fn month(word: &str) -> Option<u32> {
    if let &[a, b, c] = word.as_bytes()
        && let Some(month) = english_month([a, b, c])
    {
        return Some(month);
    }
    let folded = fold(word);
    if let Some(found) = (1..).zip(MONTHS).find(|(_, names)| names.contains(&folded.as_str())) {
        return Some(found.0);
    }
    let stem = ["kuuta", "kuun", "kuu", "k"].iter().find_map(|ending| folded.strip_suffix(ending)).unwrap_or(&folded);
    (1..).zip(FINNISH_MONTHS).find(|(_, name)| *name == stem).map(|(number, _)| number)
}

/// The weekday that an English word names, whole or cut short.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    let lower = word.to_ascii_lowercase();
    let whole = [
        ("monday", Weekday::Mon),
        ("tuesday", Weekday::Tue),
        ("wednesday", Weekday::Wed),
        ("thursday", Weekday::Thu),
        ("friday", Weekday::Fri),
        ("saturday", Weekday::Sat),
        ("sunday", Weekday::Sun),
    ];
    (lower.len() >= 3).then(|| whole.iter().find(|(name, _)| name.starts_with(&lower)).map(|(_, day)| *day))?
}

/// Whether a word before or after the hour says it is in the second half of the day: English, Korean, Chinese, Japanese.
pub(super) fn afternoon(word: &str) -> Option<bool> {
    match word {
        "am" | "AM" | "Am" | "오전" | "上午" | "午前" => Some(false),
        "pm" | "PM" | "Pm" | "오후" | "下午" | "午後" => Some(true),
        _ => None,
    }
}

/// Time zones by their usual abbreviation. Where several zones share one, this is the one most written in feeds; a source whose own zone
/// uses the abbreviation is believed first (see [`zone`]). A summer name is always its summer offset, whatever the day: `CET` in July is
/// +01:00, as written. Single letters but Z are read as UTC, because RFC 822 defined them with the wrong sign (RFC 5322 section 4.3).
pub(super) fn zone(word: &str, time_zone: Tz, year: i32) -> Option<Zone> {
    if !(1..=5).contains(&word.len()) || !word.is_ascii() {
        return None;
    }
    let minutes = |minutes: i32| Some(Zone::Fixed(minutes * 60));
    let upper = word.to_ascii_uppercase();
    match upper.as_str() {
        "GMT" | "UTC" | "UT" | "WET" | "WEZ" => return minutes(0),
        "ET" => return Some(Zone::Named(Tz::America__New_York)),
        "CT" => return Some(Zone::Named(Tz::America__Chicago)),
        "MT" => return Some(Zone::Named(Tz::America__Denver)),
        "PT" => return Some(Zone::Named(Tz::America__Los_Angeles)),
        _ => {}
    }
    if upper.len() == 1 {
        // Lower-case letters are more often a word (`10:00 a Bruxelles`) than a zone.
        return if word == "z" || (word != "J" && word.as_bytes()[0].is_ascii_uppercase()) { minutes(0) } else { None };
    }
    if let Some(offset) = own_abbreviation(&upper, time_zone, year) {
        return Some(Zone::Fixed(offset));
    }
    minutes(match upper.as_str() {
        "BST" | "WEST" | "CET" | "MET" | "MEZ" | "WAT" => 60,
        "CEST" | "MEST" | "MESZ" | "EET" | "OEZ" | "SAST" | "CAT" => 120,
        "EEST" | "MSK" | "EAT" | "TRT" | "IDT" => 180,
        "IRST" => 210,
        "GST" | "MSD" => 240,
        "PKT" => 300,
        "IST" => 330,
        "NPT" => 345,
        "ICT" | "WIB" => 420,
        "HKT" | "SGT" | "MYT" | "PHT" | "AWST" | "WITA" => 480,
        "JST" | "KST" | "WIT" => 540,
        "ACST" => 570,
        "AEST" | "CHST" => 600,
        "ACDT" => 630,
        "AEDT" => 660,
        "NZST" => 720,
        "NZDT" => 780,
        "NDT" => -150,
        "ADT" | "ART" | "BRT" | "CLST" | "UYT" => -180,
        "NST" => -210,
        "EDT" | "AST" | "CLT" | "VET" | "BOT" => -240,
        "EST" | "CDT" | "COT" | "PET" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" | "AKDT" => -480,
        "AKST" => -540,
        "HST" => -600,
        "SST" => -660,
        _ => return None,
    })
}

/// The offset in seconds if the source's own zone uses this abbreviation in winter or summer: IST in Dublin, CST in Shanghai.
fn own_abbreviation(upper: &str, time_zone: Tz, year: i32) -> Option<i32> {
    [1, 7].into_iter().find_map(|month| {
        let at = time_zone.with_ymd_and_hms(year, month, 1, 12, 0, 0).earliest()?;
        let offset = at.offset();
        (offset.abbreviation() == Some(upper)).then(|| offset.fix().local_minus_utc())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_names_two_months_and_all_are_folded() {
        for (number, names) in (1..).zip(MONTHS) {
            for name in names {
                assert_eq!(fold(name), *name);
                assert_eq!(month(name), Some(number), "{name}");
            }
        }
    }

    #[test]
    fn months_in_the_case_and_accents_people_write() {
        let table = [
            ("Jan", 1),
            ("JANUARY", 1),
            ("tammikuuta", 1),
            ("tammik", 1),
            ("kesä", 6),
            ("Jänner", 1),
            ("févr", 2),
            ("März", 3),
            ("março", 3),
            ("marraskuun", 11),
            ("maaliskuu", 3),
            ("Μάι", 5),
            ("Μαΐου", 5),
            ("kesäkuuta", 6),
            ("Ιούλ", 7),
            ("július", 7),
            ("août", 8),
            ("września", 9),
            ("październik", 10),
            ("ЯНВ", 1),
            ("декабря", 12),
        ];
        for (word, number) in table {
            assert_eq!(month(word), Some(number), "{word}");
        }
        for word in ["kuu", "k", "klo", "Mark", "martes", "mandag", "monday", "", "Janet"] {
            assert_eq!(month(word), None, "{word}");
        }
    }

    #[test]
    fn an_abbreviation_belongs_to_the_sources_own_zone_first() {
        let table = [
            ("IST", Tz::UTC, 330),
            ("IST", Tz::Europe__Dublin, 60),
            ("IST", Tz::Asia__Jerusalem, 120),
            ("CST", Tz::UTC, -360),
            ("CST", Tz::Asia__Shanghai, 480),
            ("BST", Tz::Europe__London, 60),
        ];
        for (word, tz, minutes) in table {
            assert_eq!(zone(word, tz, 2024), Some(Zone::Fixed(minutes * 60)), "{word} {tz}");
        }
    }
}
