//! The words for a decision, for the person whose message was stopped. English, Italian and Russian.

mod countries;
mod language;
mod observation;
mod phrases;
mod sights;
mod spans;

use crate::{Cause, Level};
use jiff::Timestamp;
pub use language::Language;
pub use observation::Observation;
pub(crate) use observation::heaviest;
pub use observation::without_middle;
use serde::{Deserialize, Serialize};
use spans::{counted_word, english_span, italian_span, level_word, minute, russian_span};

/// Characters of a name or address in a sentence, the longest form first.
const DATA_CHARS: [usize; 6] = [usize::MAX, 200, 100, 64, 40, DATA_CHARS_MIN];
/// What is told of one in any case.
const DATA_CHARS_MIN: usize = 24;

/// What a volume limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Messages.
    Messages,
    /// Recipients.
    Recipients,
    /// Different recipients.
    DistinctRecipients,
}

/// Why something was stopped, with the figures needed to tell it. Texts from outside are bounded and shown as data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// Nothing was stopped.
    #[default]
    None,
    /// An address that does not belong to the login.
    NotOwned {
        /// `MAIL FROM`, `From` or `Sender`.
        field: String,
        /// The address.
        address: String,
    },
    /// A From or Sender field that can be read in more than one way.
    Unclear {
        /// `From` or `Sender`.
        field: String,
    },
    /// The sender is locked.
    Locked {
        /// The lock's reference.
        reference: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// A volume limit.
    Rate {
        /// Whose.
        level: Level,
        /// What was counted.
        counted: Counted,
        /// The count with this message.
        count: u64,
        /// The limit.
        max: u64,
        /// The window in seconds.
        window_s: u32,
        /// When one more fits.
        free_at: Option<Timestamp>,
    },
    /// Too many recipients in one message.
    Recipients {
        /// The limit.
        max: u32,
    },
    /// A file type.
    Attachment {
        /// The file's name.
        name: String,
        /// What it, or the file inside of it, is.
        kind: String,
        /// The file inside of it; empty when it is the file itself.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        inside: String,
    },
    /// An archive that cannot be looked into because it expands without end.
    ArchiveBomb {
        /// The archive's name.
        name: String,
    },
    /// A virus.
    Malware {
        /// The scanner's name for it.
        name: String,
        /// The scanner.
        scanner: String,
    },
    /// The content.
    Content {
        /// What weighed most, at most three.
        observations: Vec<Observation>,
    },
    /// The sender's conduct.
    Conduct {
        /// What was seen, at most four.
        sights: Vec<crate::Sight>,
    },
    /// Risky, and no allowance left.
    Allowance {
        /// Risky messages a day.
        max: u32,
    },
    /// A scanner did not answer.
    Unchecked {
        /// Which.
        scanners: Vec<String>,
    },
}

/// What a sentence may show of the message itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Names of files, hosts, and passages of the text, to who may read the message.
    #[default]
    All,
    /// Of these what is ASCII, for a reply that cannot carry more.
    Ascii,
    /// None of them, for everybody else.
    Nothing,
}

/// What a sentence may show of the message, and how long it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What is shown.
    pub shown: Shown,
    /// Octets at most; names are shortened until it fits, and never is it shorter than its words of ours.
    pub octets_max: usize,
}

impl Room {
    /// Room for everything.
    pub const FULL: Self = Self {
        shown: Shown::All,
        octets_max: usize::MAX,
    };
    /// For who may not read the message.
    pub const BARE: Self = Self {
        shown: Shown::Nothing,
        octets_max: usize::MAX,
    };
}

impl Reason {
    /// One sentence, without the code, reference and link that stand around it in a reply. The words are ASCII in English.
    pub fn sentence(&self, language: Language) -> String {
        self.sentence_in(language, Room::FULL)
    }

    /// The same within a room.
    pub fn sentence_in(&self, language: Language, room: Room) -> String {
        if let Self::Content { observations } = self {
            let opening = match language {
                Language::English => "The message looks like spam",
                Language::Italian => "Il messaggio sembra spam",
                Language::Russian => "Письмо похоже на спам",
            };
            let octets_max = room.octets_max.saturating_sub(opening.len() + 2);
            let list = observation::list(observations, language, Room { octets_max, ..room });
            return if list.is_empty() {
                opening.to_owned()
            } else {
                format!("{opening}: {list}")
            };
        }
        if let Self::Conduct { sights } = self {
            return sights::sentence(sights, language, room);
        }
        let told = |chars| {
            let reason = self.shortened(chars);
            match language {
                Language::English => reason.english(),
                Language::Italian => reason.italian(),
                Language::Russian => reason.russian(),
            }
        };
        let fits = |sentence: &String| sentence.len() <= room.octets_max;
        let mut longest_first = DATA_CHARS.into_iter().map(told);
        longest_first.find(fits).unwrap_or_else(|| told(DATA_CHARS_MIN))
    }

    /// The same with names, addresses and types of at most so many characters each.
    fn shortened(&self, chars: usize) -> Self {
        let mut reason = self.clone();
        let cut = |text: &mut String| *text = without_middle(text, chars);
        match &mut reason {
            Self::NotOwned { address, .. } => cut(address),
            Self::Attachment { name, kind, inside } => [name, kind, inside].into_iter().for_each(cut),
            Self::ArchiveBomb { name } => cut(name),
            Self::Malware { name, scanner } => [name, scanner].into_iter().for_each(cut),
            Self::Unchecked { scanners } => scanners.iter_mut().for_each(cut),
            Self::None
            | Self::Unclear { .. }
            | Self::Locked { .. }
            | Self::Rate { .. }
            | Self::Recipients { .. }
            | Self::Content { .. }
            | Self::Conduct { .. }
            | Self::Allowance { .. } => {}
        }
        reason
    }

    fn english(&self) -> String {
        match self {
            // Content and conduct have their own sentences above.
            Self::None | Self::Content { .. } | Self::Conduct { .. } => String::new(),
            Self::NotOwned { field, address } => {
                format!("Sender address rejected: not owned by user ({field} <{address}>)")
            }
            Self::Unclear { field } => format!("The {field} field does not name one clear sender"),
            Self::Locked { until, .. } => {
                let until = until.map_or_else(String::new, |until| format!(" until {}", minute(until)));
                format!(
                    "This account may not send mail{until}, because risky messages were sent with it. Change its password and ask your administrator"
                )
            }
            Self::Rate {
                level,
                counted,
                count,
                max,
                window_s,
                free_at,
            } => {
                let free = free_at.map_or_else(String::new, |at| format!("; try again after {}", minute(at)));
                let counted = counted_word(*counted, ["messages", "recipients", "different recipients"]);
                let whose = level.as_str();
                format!(
                    "Limit reached: {count} of {max} {counted} in {} for this {whose}{free}",
                    english_span(*window_s)
                )
            }
            Self::Recipients { max } => format!("Too many recipients: at most {max} in one message"),
            Self::Attachment { name, kind, inside } if !inside.is_empty() => {
                format!(
                    "The file {inside} in the attached file {name} is of a type that is not let through ({kind})"
                )
            }
            Self::ArchiveBomb { name } => {
                format!("The attached archive {name} expands beyond what can be checked")
            }
            Self::Attachment { name, kind, .. } => {
                format!("The attached file {name} is of a type that is not let through ({kind})")
            }
            Self::Malware { name, scanner } => {
                format!("The message carries a virus: {name} (found by {scanner})")
            }
            Self::Allowance { max } => {
                format!(
                    "The message looks risky, and the {max} such messages a day of this account are used up"
                )
            }
            Self::Unchecked { scanners } => {
                format!(
                    "The message cannot be checked now ({} does not answer); try again later",
                    scanners.join(", ")
                )
            }
        }
    }

    fn italian(&self) -> String {
        match self {
            Self::None | Self::Content { .. } | Self::Conduct { .. } => String::new(),
            Self::NotOwned { field, address } => {
                format!(
                    "Indirizzo del mittente rifiutato: non appartiene a questo utente ({field} <{address}>)"
                )
            }
            Self::Unclear { field } => format!("Il campo {field} non indica un mittente univoco"),
            Self::Locked { until, .. } => {
                let until = until.map_or_else(String::new, |until| format!(" fino al {}", minute(until)));
                format!(
                    "Questo account non può inviare posta{until}, perché ha inviato messaggi a rischio. Cambiare la password e rivolgersi all'amministratore"
                )
            }
            Self::Rate {
                level,
                counted,
                count,
                max,
                window_s,
                free_at,
            } => {
                let free =
                    free_at.map_or_else(String::new, |at| format!("; riprovare dopo il {}", minute(at)));
                let counted = counted_word(*counted, ["messaggi", "destinatari", "destinatari diversi"]);
                let whose = level_word(*level, ["questo mittente", "questo dominio", "questo cliente"]);
                format!(
                    "Limite raggiunto: {count} di {max} {counted} in {} per {whose}{free}",
                    italian_span(*window_s)
                )
            }
            Self::Recipients { max } => format!("Troppi destinatari: al massimo {max} per messaggio"),
            Self::Attachment { name, kind, inside } if !inside.is_empty() => {
                format!(
                    "Il file {inside} dentro l'allegato {name} è di un tipo che non viene lasciato passare ({kind})"
                )
            }
            Self::ArchiveBomb { name } => {
                format!("L'archivio allegato {name} si espande oltre quanto può essere controllato")
            }
            Self::Attachment { name, kind, .. } => {
                format!("L'allegato {name} è di un tipo che non viene lasciato passare ({kind})")
            }
            Self::Malware { name, scanner } => {
                format!("Il messaggio contiene un virus: {name} (trovato da {scanner})")
            }
            Self::Allowance { max } => {
                format!(
                    "Il messaggio sembra a rischio e i {max} messaggi simili al giorno di questo account sono esauriti"
                )
            }
            Self::Unchecked { scanners } => {
                format!(
                    "Il messaggio non può essere controllato ora ({} non risponde); riprovare più tardi",
                    scanners.join(", ")
                )
            }
        }
    }

    fn russian(&self) -> String {
        match self {
            Self::None | Self::Content { .. } | Self::Conduct { .. } => String::new(),
            Self::NotOwned { field, address } => {
                format!(
                    "Адрес отправителя отклонён: он не принадлежит этому пользователю ({field} <{address}>)"
                )
            }
            Self::Unclear { field } => format!("Поле {field} не называет однозначно отправителя"),
            Self::Locked { until, .. } => {
                let until = until.map_or_else(String::new, |until| format!(" до {}", minute(until)));
                format!(
                    "Отправка почты с этого ящика остановлена{until}: с него уходили опасные письма. Смените пароль и обратитесь к администратору"
                )
            }
            Self::Rate {
                level,
                counted,
                count,
                max,
                window_s,
                free_at,
            } => {
                let free = free_at.map_or_else(String::new, |at| format!("; повторите после {}", minute(at)));
                let counted = counted_word(*counted, ["писем", "получателей", "разных получателей"]);
                let whose = level_word(*level, ["этого отправителя", "этого домена", "этого клиента"]);
                format!(
                    "Достигнут предел: {count} из {max} {counted} за {} для {whose}{free}",
                    russian_span(*window_s)
                )
            }
            Self::Recipients { max } => format!("Слишком много получателей: не более {max} в одном письме"),
            Self::Attachment { name, kind, inside } if !inside.is_empty() => {
                format!("Файл {inside} внутри вложения {name} имеет тип, который не пропускается ({kind})")
            }
            Self::ArchiveBomb { name } => {
                format!("Вложенный архив {name} распаковывается сверх того, что можно проверить")
            }
            Self::Attachment { name, kind, .. } => {
                format!("Вложение {name} имеет тип, который не пропускается ({kind})")
            }
            Self::Malware { name, scanner } => format!("Письмо содержит вирус: {name} (нашёл {scanner})"),
            Self::Allowance { max } => {
                format!(
                    "Письмо выглядит опасным, а дневной запас таких писем ({max}) для этого ящика исчерпан"
                )
            }
            Self::Unchecked { scanners } => {
                format!(
                    "Письмо сейчас нельзя проверить ({} не отвечает); повторите позже",
                    scanners.join(", ")
                )
            }
        }
    }

    /// The family it belongs to.
    pub fn cause(&self) -> Cause {
        match self {
            Self::None => Cause::None,
            Self::NotOwned { .. } | Self::Unclear { .. } => Cause::Identity,
            Self::Locked { .. } => Cause::Locked,
            Self::Rate { .. } => Cause::Rate,
            Self::Recipients { .. } => Cause::Recipients,
            Self::Attachment { .. } | Self::ArchiveBomb { .. } => Cause::Attachment,
            Self::Malware { .. } => Cause::Malware,
            Self::Content { .. } => Cause::Content,
            Self::Conduct { .. } => Cause::Conduct,
            Self::Allowance { .. } => Cause::Allowance,
            Self::Unchecked { .. } => Cause::Unchecked,
        }
    }
}
