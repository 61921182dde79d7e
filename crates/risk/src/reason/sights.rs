//! A sender's conduct in words. Figures and countries only: nothing of what the message says.

use super::countries::country;
use super::{Language, Room};
use crate::Sight;

/// The whole sentence, as long as there is room.
pub(super) fn sentence(sights: &[Sight], language: Language, room: Room) -> String {
    let opening = match language {
        Language::English => "Unlike the usual mail of this account",
        Language::Italian => "Diverso dalla posta abituale di questo account",
        Language::Russian => "Не похоже на обычную почту этого ящика",
    };
    let told: Vec<String> = sights.iter().map(|sight| words(sight, language)).collect();
    for count in (1..=told.len()).rev() {
        let list = told.get(..count).unwrap_or_default().join("; ");
        if opening.len() + list.len() + 2 <= room.octets_max {
            return format!("{opening}: {list}");
        }
    }
    opening.to_owned()
}

fn words(sight: &Sight, language: Language) -> String {
    match language {
        Language::English => english(sight),
        Language::Italian => italian(sight),
        Language::Russian => russian(sight),
    }
}

fn english(sight: &Sight) -> String {
    match sight {
        Sight::Text => "its text looks like spam".to_owned(),
        Sight::From => "a From address that is not its own".to_owned(),
        Sight::Campaign { senders } => format!(
            "nearly the same text from {senders} other {}",
            plural(*senders, "account", "accounts")
        ),
        Sight::Countries { codes, minutes } if codes.len() > 1 => {
            format!(
                "from {} within {}",
                list(codes, Language::English, " and "),
                english_span(*minutes)
            )
        }
        Sight::Countries { codes, .. } => format!(
            "for the first time from {}",
            list(codes, Language::English, " and ")
        ),
        Sight::Network => "from a network it never used".to_owned(),
        Sight::Script => "by a script this site never used".to_owned(),
        Sight::Shared { senders } => {
            format!(
                "from an address that is new to {senders} other {} too",
                plural(*senders, "account", "accounts")
            )
        }
        Sight::Failures { count } => format!("{count} failed {} before", plural(*count, "login", "logins")),
        Sight::Strangers { count } => format!(
            "{count} {} it never wrote to",
            plural(*count, "recipient", "recipients")
        ),
        Sight::Pace { count, usual } => format!("{count} messages this hour, at most {usual} before"),
        Sight::Unknown { count, of } => format!(
            "{count} of {of} addresses {} not exist",
            plural(*count, "does", "do")
        ),
        Sight::Refused { count, of } => format!("{count} of {of} deliveries refused as spam"),
        Sight::Complaints { count } => format!(
            "{count} {} of recipients",
            plural(*count, "complaint", "complaints")
        ),
    }
}

fn italian(sight: &Sight) -> String {
    match sight {
        Sight::Text => "il testo sembra spam".to_owned(),
        Sight::From => "un indirizzo From che non gli appartiene".to_owned(),
        Sight::Campaign { senders } => format!("quasi lo stesso testo da altri account ({senders})"),
        Sight::Countries { codes, minutes } if codes.len() > 1 => {
            format!(
                "da {} in {}",
                list(codes, Language::Italian, " e "),
                italian_span(*minutes)
            )
        }
        Sight::Countries { codes, .. } => {
            format!("per la prima volta da: {}", list(codes, Language::Italian, " e "))
        }
        Sight::Network => "da una rete mai usata".to_owned(),
        Sight::Script => "da uno script mai usato da questo sito".to_owned(),
        Sight::Shared { senders } => format!("da un indirizzo nuovo anche per altri account ({senders})"),
        Sight::Failures { count } => format!("accessi falliti poco prima: {count}"),
        Sight::Strangers { count: 1 } => "1 destinatario a cui non ha mai scritto".to_owned(),
        Sight::Strangers { count } => format!("{count} destinatari a cui non ha mai scritto"),
        Sight::Pace { count, usual } => format!("{count} messaggi in quest'ora, al massimo {usual} prima"),
        Sight::Unknown { count: 1, of } => format!("1 indirizzo su {of} non esiste"),
        Sight::Unknown { count, of } => format!("{count} indirizzi su {of} non esistono"),
        Sight::Refused { count, of } => format!("consegne rifiutate come spam: {count} su {of}"),
        Sight::Complaints { count } => format!("reclami dei destinatari: {count}"),
    }
}

fn russian(sight: &Sight) -> String {
    match sight {
        Sight::Text => "текст похож на спам".to_owned(),
        Sight::From => "чужой адрес в поле From".to_owned(),
        Sight::Campaign { senders } => format!("почти такой же текст из других ящиков ({senders})"),
        Sight::Countries { codes, minutes } if codes.len() > 1 => {
            format!(
                "страны отправки за {}: {}",
                russian_span(*minutes),
                list(codes, Language::Russian, ", ")
            )
        }
        Sight::Countries { codes, .. } => {
            format!("впервые из страны {}", list(codes, Language::Russian, ", "))
        }
        Sight::Network => "из сети, которой ящик никогда не пользовался".to_owned(),
        Sight::Script => "скрипт, которого на этом сайте не было".to_owned(),
        Sight::Shared { senders } => format!("с адреса, нового и для других ящиков ({senders})"),
        Sight::Failures { count } => format!("неудачных входов перед этим: {count}"),
        Sight::Strangers { count } => format!("получателей, которым он никогда не писал: {count}"),
        Sight::Pace { count, usual } => format!("писем за этот час: {count}, раньше не больше {usual}"),
        Sight::Unknown { count, of } => format!("несуществующих адресов: {count} из {of}"),
        Sight::Refused { count, of } => format!("отвергнуто как спам: {count} из {of}"),
        Sight::Complaints { count } => format!("жалоб получателей: {count}"),
    }
}

fn plural(count: u32, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn list(codes: &[String], language: Language, last: &str) -> String {
    let names: Vec<&str> = codes.iter().map(|code| country(code, language)).collect();
    match names.split_last() {
        Some((end, [])) => (*end).to_owned(),
        Some((end, others)) => format!("{}{last}{end}", others.join(", ")),
        None => String::new(),
    }
}

/// Minutes, hours, or days.
fn span(minutes: u32) -> (u32, usize) {
    match minutes {
        0..120 => (minutes.max(1), 0),
        120..2_880 => (minutes / 60, 1),
        _ => (minutes / 1_440, 2),
    }
}

fn english_span(minutes: u32) -> String {
    match span(minutes) {
        (1, _) => "one minute".to_owned(),
        (count, 0) => format!("{count} minutes"),
        (count, 1) => format!("{count} hours"),
        (count, _) => format!("{count} days"),
    }
}

fn italian_span(minutes: u32) -> String {
    match span(minutes) {
        (1, _) => "un minuto".to_owned(),
        (count, 0) => format!("{count} minuti"),
        (count, 1) => format!("{count} ore"),
        (count, _) => format!("{count} giorni"),
    }
}

fn russian_span(minutes: u32) -> String {
    match span(minutes) {
        (count, 0) => format!("{count} мин."),
        (count, 1) => format!("{count} ч"),
        (count, _) => format!("{count} дн."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_owner_reads_it() {
        let sights = [
            Sight::Strangers { count: 12 },
            Sight::Countries {
                codes: ["KE", "VN", "CL"].map(str::to_owned).to_vec(),
                minutes: 40,
            },
            Sight::Unknown { count: 4, of: 11 },
        ];
        for (language, expected) in [
            (
                Language::English,
                "Unlike the usual mail of this account: 12 recipients it never wrote to; from Kenya, Vietnam and Chile within 40 minutes; 4 of 11 addresses do not exist",
            ),
            (
                Language::Italian,
                "Diverso dalla posta abituale di questo account: 12 destinatari a cui non ha mai scritto; da Kenya, Vietnam e Cile in 40 minuti; 4 indirizzi su 11 non esistono",
            ),
            (
                Language::Russian,
                "Не похоже на обычную почту этого ящика: получателей, которым он никогда не писал: 12; страны отправки за 40 мин.: Кения, Вьетнам, Чили; несуществующих адресов: 4 из 11",
            ),
        ] {
            assert_eq!(sentence(&sights, language, Room::FULL), expected);
        }
        for octets_max in 0..200 {
            let room = Room {
                octets_max,
                ..Room::FULL
            };
            let told = sentence(&sights, Language::English, room);
            assert!(
                told.len() <= octets_max.max("Unlike the usual mail of this account".len()),
                "{told}"
            );
        }
    }
}
