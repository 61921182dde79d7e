//! Each symbol in a few words for the sender, in every language.
//!
//! Promises: English and Italian are ASCII, so that any reply can carry them; each phrase is a noun that can stand in a list. Names
//! of files, hosts and quoted passages are added behind it by [`super::observation`].

use super::Language;

/// What is said of a symbol that this version does not know.
const UNKNOWN: [&str; 3] = ["its content", "il contenuto", "содержание"];

/// The words for a symbol.
pub(super) fn phrase(symbol: &str, language: Language) -> &'static str {
    let found = PHRASES.iter().find(|(name, _)| *name == symbol);
    let [english, italian, russian] = found.map_or(UNKNOWN, |(_, words)| *words);
    match language {
        Language::English => english,
        Language::Italian => italian,
        Language::Russian => russian,
    }
}

/// Symbols with their words in English, Italian and Russian, in the order of docs/symbols.md.
#[rustfmt::skip]
const PHRASES: &[(&str, [&str; 3])] = &[
    ("SENDER_NOT_OWNED", ["a sender address that does not belong to the account", "un indirizzo del mittente che non appartiene all'account", "чужой адрес отправителя"]),
    ("FROM_NOT_OWNED", ["a From address that does not belong to the account", "un indirizzo From che non appartiene all'account", "чужой адрес в поле From"]),
    ("SENDER_FIELD_NOT_OWNED", ["a Sender address that does not belong to the account", "un indirizzo Sender che non appartiene all'account", "чужой адрес в поле Sender"]),
    ("FROM_UNCLEAR", ["a From field that does not name one clear sender", "un campo From ambiguo", "неоднозначное поле From"]),
    ("GTUBE", ["the test string of spam filters", "la stringa di prova dei filtri antispam", "тестовая строка спам-фильтров"]),
    ("TEXT", ["its text", "il testo", "текст"]),
    ("TEXT_HIDDEN", ["text that the reader does not see", "testo nascosto a chi legge", "текст, скрытый от читателя"]),
    ("NEAR_DUPLICATE", ["the same text from other senders", "lo stesso testo da altri mittenti", "такой же текст от других отправителей"]),
    ("MALFORMED", ["its faulty structure", "la struttura non corretta", "нарушенная структура"]),
    ("LINK_LOOKALIKE", ["a link that imitates another name", "un link che imita un altro nome", "ссылка, которая подражает чужому имени"]),
    ("LINK_TEXT_DIFFERS", ["a link that leads elsewhere than it shows", "un link che porta a un sito diverso da quello mostrato", "ссылка, которая ведёт не туда, куда показывает"]),
    ("LINK_LISTED", ["a link that is on a blocklist", "un link presente in una lista di blocco", "ссылка из чёрного списка"]),
    ("LINK_NEWBORN", ["a link to a domain registered a few days ago", "un link a un dominio registrato da pochi giorni", "ссылка на домен, зарегистрированный несколько дней назад"]),
    ("LINK_USERINFO", ["a link with an @ that hides its true host", "un link con una @ che nasconde il vero sito", "ссылка со знаком @, который скрывает настоящий сайт"]),
    ("LINK_PUNYCODE", ["a link with unusual letters in its name", "un link con lettere insolite nel nome", "ссылка с необычными буквами в имени"]),
    ("LINK_IP", ["a link to a numeric address", "un link a un indirizzo numerico", "ссылка на числовой адрес"]),
    ("LINK_PERCENT_HOST", ["a link with an encoded name", "un link con il nome codificato", "ссылка с закодированным именем"]),
    ("LINK_FREE_HOST", ["a link to a page on free hosting", "un link a una pagina su hosting gratuito", "ссылка на страницу на бесплатном хостинге"]),
    ("LINK_SHORTENER", ["a shortened link", "un link abbreviato", "сокращённая ссылка"]),
    ("LINK_ODD_PORT", ["a link to an unusual port", "un link a una porta insolita", "ссылка на необычный порт"]),
    ("LINK_NEW_HOST", ["a link to a site not seen here before", "un link a un sito mai visto qui prima", "ссылка на сайт, который здесь раньше не встречался"]),
    ("LINK_FILE_SHARE", ["a link to a shared file or form", "un link a un file o a un modulo condiviso", "ссылка на файл или форму в общем доступе"]),
    ("LISTS_UNCERTAIN", ["lists that could not tell", "liste che non hanno saputo rispondere", "списки, которые не дали ответа"]),
    ("ATTACHMENT_BLOCKED", ["a file of a type that is not let through", "un file di un tipo non consentito", "файл недопустимого типа"]),
    ("ARCHIVE_EXECUTABLE", ["a program inside another file", "un programma dentro un altro file", "программа внутри другого файла"]),
    ("ARCHIVE_ENCRYPTED", ["an archive with a password", "un archivio protetto da password", "архив с паролем"]),
    ("ARCHIVE_BOMB", ["an archive that expands without end", "un archivio che si espande senza fine", "архив, который распаковывается без конца"]),
    ("ARCHIVE_NESTED", ["an archive in an archive", "un archivio dentro un archivio", "архив внутри архива"]),
    ("ARCHIVE_UNREAD", ["a file that cannot be checked in full", "un file che non si lascia controllare per intero", "файл, который нельзя проверить целиком"]),
    ("ARCHIVE_MALFORMED", ["a damaged archive", "un archivio danneggiato", "повреждённый архив"]),
    ("ATTACHMENT_TYPE_DIFFERS", ["a file that is not what its name says", "un file diverso da quello che dice il nome", "файл, который не является тем, чем назван"]),
    ("OFFICE_MACRO", ["a file with a macro", "un file con una macro", "файл с макросом"]),
    ("OFFICE_AUTOEXEC", ["a file with a macro that runs by itself", "un file con una macro che si avvia da sola", "файл с макросом, который запускается сам"]),
    ("OFFICE_EXTERNAL", ["a file that loads content from another computer", "un file che carica contenuti da un altro computer", "файл, который загружает данные с другого компьютера"]),
    ("PDF_ACTIVE", ["a PDF with active content", "un PDF con contenuto attivo", "PDF с активным содержимым"]),
    ("HTML_SMUGGLING", ["a page with a hidden file", "una pagina con un file nascosto", "страница со спрятанным файлом"]),
    ("SVG_SCRIPT", ["a picture with a script", "un'immagine con uno script", "картинка со скриптом"]),
    ("ATTACHMENT_DISGUISED", ["a file with a deceptive name", "un file dal nome ingannevole", "файл с обманчивым именем"]),
    ("EICAR", ["the test file of virus scanners", "il file di prova degli antivirus", "тестовый файл антивирусов"]),
    ("VIRUS", ["a virus", "un virus", "вирус"]),
    ("RSPAMD_SCORE", ["the verdict of another filter", "il giudizio di un altro filtro", "оценка другого фильтра"]),
    ("SPAMASSASSIN_SCORE", ["the verdict of another filter", "il giudizio di un altro filtro", "оценка другого фильтра"]),
    ("SCANNER_SCORE", ["the verdict of another filter", "il giudizio di un altro filtro", "оценка другого фильтра"]),
    ("SCANNER_LATE", ["a scanner that did not answer in time", "un controllo che non ha risposto in tempo", "проверка, которая не ответила вовремя"]),
    ("SCANNER_FAILED", ["a scanner that could not be asked", "un controllo non disponibile", "недоступная проверка"]),
    ("RECIPIENTS_PER_MESSAGE", ["too many recipients", "troppi destinatari", "слишком много получателей"]),
    ("LIMIT_EXCEEDED", ["more mail than is allowed", "troppa posta in poco tempo", "слишком много писем за короткое время"]),
    ("STANDING_GOOD", ["a good record", "un buon passato", "хорошая история отправок"]),
    ("STANDING_WATCHED", ["a refusal not long ago", "un rifiuto recente", "недавний отказ"]),
    ("STANDING_LIMITED", ["several refusals not long ago", "diversi rifiuti recenti", "несколько недавних отказов"]),
    ("STANDING_LOCKED", ["a locked account", "un account bloccato", "заблокированный ящик"]),
    ("FROM_UNUSUAL", ["a From address that is not its own", "un indirizzo From che non gli appartiene", "чужой адрес в поле From"]),
    ("PLACE_COUNTRY", ["a country it never sent from", "un paese mai usato prima", "новая для отправителя страна"]),
    ("PLACE_NETWORK", ["a network it never used", "una rete mai usata", "новая для отправителя сеть"]),
    ("PLACE_SCRIPT", ["a script this site never used", "uno script mai usato da questo sito", "новый для этого сайта скрипт"]),
    ("ADDRESS_SHARED", ["an address new to several accounts", "un indirizzo nuovo per diversi account", "адрес, новый для нескольких ящиков"]),
    ("LOGIN_FAILURES", ["failed logins before", "accessi falliti poco prima", "неудачные входы перед этим"]),
    ("RECIPIENTS_NEW", ["recipients it never wrote to", "destinatari a cui non ha mai scritto", "новые получатели"]),
    ("RATE_UNUSUAL", ["more mail than ever in an hour", "molta posta in un'ora", "необычно много писем за час"]),
    ("FEEDBACK_UNKNOWN", ["addresses that do not exist", "indirizzi inesistenti", "несуществующие адреса"]),
    ("FEEDBACK_SPAM", ["deliveries refused as spam", "consegne rifiutate come spam", "отказы получателей из-за спама"]),
    ("FEEDBACK_COMPLAINT", ["complaints of recipients", "reclami dei destinatari", "жалобы получателей"]),
    ("CONDUCT", ["conduct unlike its owner's", "un comportamento insolito", "необычное поведение"]),
    ("CLEAR_TEXT", ["a session without encryption", "una sessione non cifrata", "незашифрованное соединение"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and weights of the tables in docs/symbols.md.
    fn documented() -> Vec<(&'static str, &'static str)> {
        let document = include_str!("../../../../docs/symbols.md");
        let rows = document.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|row| {
            let mut cells = row.split('|').map(str::trim).skip(1);
            Some((cells.next()?.trim_matches('`'), cells.next()?))
        });
        cells
            .filter(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
            .collect()
    }

    #[test]
    fn every_documented_symbol_has_words() {
        let documented = documented();
        assert!(documented.len() >= 50, "{documented:?}");
        for (name, _) in &documented {
            for language in Language::ALL {
                let words = phrase(name, language);
                assert_ne!(words, phrase("", language), "{name} has no words in {language:?}");
            }
        }
    }

    #[test]
    fn every_phrase_can_stand_in_a_reply() {
        for (place, (name, words)) in PHRASES.iter().enumerate() {
            let before = &PHRASES[..place];
            assert!(
                before.iter().all(|(other, _)| other != name),
                "{name} stands twice"
            );
            let [english, italian, russian] = words;
            assert!(english.is_ascii() && italian.is_ascii(), "{name}");
            for words in [english, italian, russian] {
                let plain = !words.contains(['"', '\u{201c}', '«', '(', ';', ':']) && *words == words.trim();
                assert!(
                    plain && (2..=60).contains(&words.chars().count()),
                    "{name}: {words}"
                );
            }
            let cyrillic = russian.chars().any(|c| matches!(c, 'а'..='я' | 'ё'));
            assert!(cyrillic, "{name}: {russian}");
        }
    }
}
