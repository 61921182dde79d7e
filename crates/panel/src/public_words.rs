//! The words of the public page, in three languages.

use risk::{Cause, Language};

/// The words around every cause.
pub(crate) struct Words {
    pub(crate) page_title: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) deferred: &'static str,
    pub(crate) held: &'static str,
    pub(crate) what_to_do: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) time: &'static str,
    pub(crate) code: &'static str,
    pub(crate) ask: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) language: &'static str,
}

/// The words for one cause.
pub(crate) struct CauseWords {
    /// `None` for what was stopped for a cause that has no family.
    pub(crate) cause: Cause,
    pub(crate) title: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) steps: &'static [&'static str],
}

/// The cause from the code of a reply, with or without its brackets, or from its own word.
pub(crate) fn family(text: &str) -> Cause {
    let word = text.trim_matches(['[', ']']).to_ascii_lowercase();
    match word.as_str() {
        "own" | "identity" => Cause::Identity,
        "lock" | "locked" => Cause::Locked,
        "rate" => Cause::Rate,
        "rcpt" | "recipients" => Cause::Recipients,
        "file" | "attachment" => Cause::Attachment,
        "virus" | "malware" => Cause::Malware,
        "spam" | "content" => Cause::Content,
        "odd" | "conduct" => Cause::Conduct,
        "risk" | "allowance" => Cause::Allowance,
        "scan" | "unchecked" => Cause::Unchecked,
        _ => Cause::None,
    }
}

/// The words around every cause.
pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Italian => &ITALIAN,
        Language::Russian => &RUSSIAN,
    }
}

/// The words for a cause.
pub(crate) fn cause(language: Language, cause: Cause) -> Option<&'static CauseWords> {
    let all = match language {
        Language::English => &ENGLISH_CAUSES,
        Language::Italian => &ITALIAN_CAUSES,
        Language::Russian => &RUSSIAN_CAUSES,
    };
    all.iter().find(|words| words.cause == cause)
}

static ENGLISH: Words = Words {
    page_title: "Why a message was stopped",
    refused: "The message was refused and not sent",
    deferred: "The message was not taken yet; your program will try again by itself",
    held: "The message was taken and is being held",
    what_to_do: "What you can do",
    reference: "Reference",
    time: "Time",
    code: "Code",
    ask: "If you cannot get on, give this reference to your mail provider. They find the whole story with it.",
    unknown: "There is nothing to tell about this reference. It may be mistyped or too old.",
    busy: "Too many requests. Please try again in a minute.",
    language: "Language",
};

static ITALIAN: Words = Words {
    page_title: "Perché un messaggio è stato fermato",
    refused: "Il messaggio è stato rifiutato e non è partito",
    deferred: "Il messaggio non è ancora stato accettato; il programma riproverà da solo",
    held: "Il messaggio è stato accettato ed è trattenuto",
    what_to_do: "Che cosa si può fare",
    reference: "Riferimento",
    time: "Ora",
    code: "Codice",
    ask: "Se non si riesce a risolvere, comunicare questo riferimento al proprio fornitore di posta: con esso trova tutta la storia.",
    unknown: "Su questo riferimento non c'è nulla da dire. Forse è scritto male o è troppo vecchio.",
    busy: "Troppe richieste. Riprovare tra un minuto.",
    language: "Lingua",
};

static RUSSIAN: Words = Words {
    page_title: "Почему письмо остановлено",
    refused: "Письмо отклонено и не отправлено",
    deferred: "Письмо пока не принято; почтовая программа повторит попытку сама",
    held: "Письмо принято и задержано",
    what_to_do: "Что можно сделать",
    reference: "Номер",
    time: "Время",
    code: "Код",
    ask: "Если не получается, сообщите этот номер своему почтовому провайдеру: по нему найдут всю историю письма.",
    unknown: "Об этом номере нечего сказать. Возможно, в нём опечатка или он слишком старый.",
    busy: "Слишком много запросов. Попробуйте через минуту.",
    language: "Язык",
};

static ENGLISH_CAUSES: [CauseWords; 11] = [
    CauseWords {
        cause: Cause::Identity,
        title: "The sender address does not belong to the account",
        sentence: "The address in the From field is not one that the account you logged in with may use.",
        steps: &[
            "In your mail program, check the From address and the account by which it sends.",
            "If the address is yours, ask your mail provider to add it to your account.",
        ],
    },
    CauseWords {
        cause: Cause::Locked,
        title: "This account may not send mail for now",
        sentence: "Risky messages were sent with this account. Often somebody else knows its password. Reading mail goes on as before.",
        steps: &[
            "Change the password of the mailbox, and do not use it anywhere else.",
            "Check your computer and telephone for malware, and the mailbox for forwards and rules that you did not make.",
            "Then ask your administrator or mail provider to unlock the account.",
        ],
    },
    CauseWords {
        cause: Cause::Rate,
        title: "A sending limit is reached",
        sentence: "More mail was sent in a short time than the account, its domain or its customer may send.",
        steps: &[
            "Wait; the reply of the server says when you can go on.",
            "If you did not send so much, change your password: somebody else may be using it.",
            "If you need to send more, ask your mail provider for a higher limit.",
        ],
    },
    CauseWords {
        cause: Cause::Recipients,
        title: "Too many recipients in one message",
        sentence: "The message has more recipients than one message may have.",
        steps: &[
            "Divide the recipients over several messages.",
            "For newsletters, use a mailing list or a service for them.",
        ],
    },
    CauseWords {
        cause: Cause::Attachment,
        title: "An attached file is of a type that is not let through",
        sentence: "Files of this type are often used to spread malware, so they are not sent by mail, whatever they contain.",
        steps: &[
            "Offer the file by a download link or a shared folder.",
            "Or send it in a harmless format, for example as PDF.",
        ],
    },
    CauseWords {
        cause: Cause::Malware,
        title: "A virus was found in the message",
        sentence: "A virus scanner recognised harmful content in the message or in one of its files.",
        steps: &[
            "Do not send the file to anybody in another way.",
            "Check the computer from which it came with an up-to-date virus scanner.",
            "If you are sure that the file is clean, give the reference to your mail provider.",
        ],
    },
    CauseWords {
        cause: Cause::Content,
        title: "The message looks like spam",
        sentence: "The content of the message is very like unwanted mail. This can be a mistake.",
        steps: &[
            "If you did not write the message, change the password of your mailbox now.",
            "If it is yours, remove links to unknown sites, shorten it, and send it again.",
            "If it is refused again, give the reference to your mail provider.",
        ],
    },
    CauseWords {
        cause: Cause::Conduct,
        title: "Unlike the usual mail of this account",
        sentence: "Mail is sent from this account in a way that its owner never did. Somebody else may know its password.",
        steps: &[
            "If you did not send this message, change the password of your mailbox now.",
            "If you are travelling, or write to new people, say so to your mail provider and give the reference.",
            "Your usual mail from your usual place is let through meanwhile.",
        ],
    },
    CauseWords {
        cause: Cause::Allowance,
        title: "Too many risky messages today",
        sentence: "The message looks risky. A few such messages a day are let through for each account, and these are used up.",
        steps: &[
            "Try again tomorrow.",
            "If you did not send these messages, change the password of your mailbox now.",
        ],
    },
    CauseWords {
        cause: Cause::Unchecked,
        title: "The message cannot be checked now",
        sentence: "A scanner that must look at the message does not answer. This is not your fault.",
        steps: &[
            "Your mail program will try again. You need not do anything.",
            "If it lasts for hours, tell your mail provider.",
        ],
    },
    CauseWords {
        cause: Cause::None,
        title: "The message was stopped",
        sentence: "The server's reply tells the exact cause.",
        steps: &[
            "Read the reply that your mail program shows.",
            "If you do not understand it, give the reference to your mail provider.",
        ],
    },
];

static ITALIAN_CAUSES: [CauseWords; 11] = [
    CauseWords {
        cause: Cause::Identity,
        title: "L'indirizzo del mittente non appartiene all'account",
        sentence: "L'indirizzo nel campo Da non è tra quelli che l'account usato per l'accesso può usare.",
        steps: &[
            "Nel programma di posta, controllare l'indirizzo del mittente e l'account con cui si invia.",
            "Se l'indirizzo è vostro, chiedere al fornitore di posta di aggiungerlo all'account.",
        ],
    },
    CauseWords {
        cause: Cause::Locked,
        title: "Per ora questo account non può inviare posta",
        sentence: "Con questo account sono stati inviati messaggi a rischio. Spesso qualcun altro ne conosce la password. La lettura della posta continua come prima.",
        steps: &[
            "Cambiare la password della casella e non usarla altrove.",
            "Controllare computer e telefono contro i virus, e nella casella gli inoltri e le regole che non avete creato.",
            "Poi chiedere all'amministratore o al fornitore di posta di sbloccare l'account.",
        ],
    },
    CauseWords {
        cause: Cause::Rate,
        title: "È stato raggiunto un limite di invio",
        sentence: "In poco tempo è stata inviata più posta di quanta ne possano inviare l'account, il suo dominio o il cliente.",
        steps: &[
            "Attendere: la risposta del server dice quando si può riprendere.",
            "Se non siete stati voi, cambiare la password: forse qualcun altro la usa.",
            "Se serve inviare di più, chiedere al fornitore di posta un limite più alto.",
        ],
    },
    CauseWords {
        cause: Cause::Recipients,
        title: "Troppi destinatari in un solo messaggio",
        sentence: "Il messaggio ha più destinatari di quanti ne possa avere uno solo.",
        steps: &[
            "Dividere i destinatari in più messaggi.",
            "Per le newsletter usare una lista o un servizio apposito.",
        ],
    },
    CauseWords {
        cause: Cause::Attachment,
        title: "Un allegato è di un tipo che non viene lasciato passare",
        sentence: "I file di questo tipo servono spesso a diffondere virus, perciò non si inviano per posta, qualunque cosa contengano.",
        steps: &[
            "Offrire il file con un link o una cartella condivisa.",
            "Oppure inviarlo in un formato innocuo, per esempio PDF.",
        ],
    },
    CauseWords {
        cause: Cause::Malware,
        title: "Nel messaggio è stato trovato un virus",
        sentence: "Un antivirus ha riconosciuto contenuto dannoso nel messaggio o in uno dei suoi file.",
        steps: &[
            "Non inviare il file a nessuno in altro modo.",
            "Controllare il computer da cui proviene con un antivirus aggiornato.",
            "Se siete certi che il file è pulito, comunicare il riferimento al fornitore di posta.",
        ],
    },
    CauseWords {
        cause: Cause::Content,
        title: "Il messaggio sembra spam",
        sentence: "Il contenuto del messaggio somiglia molto a posta indesiderata. Può essere un errore.",
        steps: &[
            "Se non avete scritto voi il messaggio, cambiare subito la password della casella.",
            "Se è vostro, togliere i link a siti sconosciuti, accorciarlo e inviarlo di nuovo.",
            "Se viene rifiutato ancora, comunicare il riferimento al fornitore di posta.",
        ],
    },
    CauseWords {
        cause: Cause::Conduct,
        title: "Diverso dalla posta abituale di questo account",
        sentence: "Da questo account si invia posta in un modo mai usato dal titolare. Qualcun altro potrebbe conoscere la password.",
        steps: &[
            "Se non avete inviato voi questo messaggio, cambiare subito la password della casella.",
            "Se siete in viaggio o scrivete a persone nuove, ditelo al vostro fornitore di posta con il riferimento.",
            "La posta abituale dal luogo abituale nel frattempo passa.",
        ],
    },
    CauseWords {
        cause: Cause::Allowance,
        title: "Troppi messaggi a rischio oggi",
        sentence: "Il messaggio sembra a rischio. Ogni giorno se ne lasciano passare alcuni per account, e sono esauriti.",
        steps: &[
            "Riprovare domani.",
            "Se non avete inviato voi questi messaggi, cambiare subito la password della casella.",
        ],
    },
    CauseWords {
        cause: Cause::Unchecked,
        title: "Il messaggio non può essere controllato ora",
        sentence: "Un controllo necessario non risponde. Non è colpa vostra.",
        steps: &[
            "Il programma di posta riproverà: non serve fare nulla.",
            "Se dura ore, avvisare il fornitore di posta.",
        ],
    },
    CauseWords {
        cause: Cause::None,
        title: "Il messaggio è stato fermato",
        sentence: "La risposta del server dice la causa esatta.",
        steps: &[
            "Leggere la risposta mostrata dal programma di posta.",
            "Se non è chiara, comunicare il riferimento al fornitore di posta.",
        ],
    },
];

static RUSSIAN_CAUSES: [CauseWords; 11] = [
    CauseWords {
        cause: Cause::Identity,
        title: "Адрес отправителя не принадлежит учётной записи",
        sentence: "Адреса из поля «От» нет среди тех, которыми может пользоваться учётная запись, с которой выполнен вход.",
        steps: &[
            "Проверьте в почтовой программе адрес отправителя и учётную запись, через которую уходит письмо.",
            "Если адрес ваш, попросите почтового провайдера добавить его к учётной записи.",
        ],
    },
    CauseWords {
        cause: Cause::Locked,
        title: "Отправка с этого ящика пока остановлена",
        sentence: "С этого ящика уходили опасные письма. Часто это значит, что пароль знает кто-то ещё. Читать почту можно как прежде.",
        steps: &[
            "Смените пароль ящика и не используйте его больше нигде.",
            "Проверьте компьютер и телефон на вирусы, а в ящике — пересылки и правила, которых вы не создавали.",
            "Затем попросите администратора или провайдера разблокировать отправку.",
        ],
    },
    CauseWords {
        cause: Cause::Rate,
        title: "Достигнут предел отправки",
        sentence: "За короткое время отправлено больше писем, чем разрешено ящику, его домену или клиенту.",
        steps: &[
            "Подождите: в ответе сервера указано, когда можно продолжить.",
            "Если столько писем отправили не вы, смените пароль: им может пользоваться кто-то другой.",
            "Если нужно отправлять больше, попросите провайдера повысить предел.",
        ],
    },
    CauseWords {
        cause: Cause::Recipients,
        title: "Слишком много получателей в одном письме",
        sentence: "В письме больше получателей, чем разрешено для одного письма.",
        steps: &[
            "Разделите получателей на несколько писем.",
            "Для рассылок используйте список рассылки или особую службу.",
        ],
    },
    CauseWords {
        cause: Cause::Attachment,
        title: "Вложенный файл имеет тип, который не пропускается",
        sentence: "Файлы такого типа часто распространяют вирусы, поэтому по почте они не отправляются, что бы в них ни было.",
        steps: &[
            "Дайте ссылку на файл или общую папку.",
            "Или отправьте его в безопасном виде, например PDF.",
        ],
    },
    CauseWords {
        cause: Cause::Malware,
        title: "В письме найден вирус",
        sentence: "Антивирус распознал вредоносное содержимое в письме или в одном из файлов.",
        steps: &[
            "Не отправляйте этот файл никому другим способом.",
            "Проверьте компьютер, с которого он взят, свежим антивирусом.",
            "Если вы уверены, что файл чист, сообщите номер провайдеру.",
        ],
    },
    CauseWords {
        cause: Cause::Content,
        title: "Письмо похоже на спам",
        sentence: "Содержимое письма очень похоже на нежелательную почту. Это может быть ошибкой.",
        steps: &[
            "Если письмо писали не вы, сейчас же смените пароль ящика.",
            "Если оно ваше, уберите ссылки на неизвестные сайты, сократите его и отправьте снова.",
            "Если его снова отклонят, сообщите номер провайдеру.",
        ],
    },
    CauseWords {
        cause: Cause::Conduct,
        title: "Не похоже на обычную почту этого ящика",
        sentence: "С этого ящика отправляют почту так, как владелец никогда не делал. Пароль мог узнать кто-то другой.",
        steps: &[
            "Если это письмо отправляли не вы, сейчас же смените пароль ящика.",
            "Если вы в поездке или пишете новым людям, сообщите об этом поставщику почты и назовите номер.",
            "Ваша обычная почта из обычного места тем временем проходит.",
        ],
    },
    CauseWords {
        cause: Cause::Allowance,
        title: "Слишком много опасных писем за сегодня",
        sentence: "Письмо выглядит опасным. Каждому ящику разрешено несколько таких писем в день, и они исчерпаны.",
        steps: &[
            "Попробуйте завтра.",
            "Если эти письма отправляли не вы, сейчас же смените пароль ящика.",
        ],
    },
    CauseWords {
        cause: Cause::Unchecked,
        title: "Письмо сейчас нельзя проверить",
        sentence: "Проверка, без которой письмо не отправляется, не отвечает. Вы в этом не виноваты.",
        steps: &[
            "Почтовая программа повторит попытку сама, делать ничего не нужно.",
            "Если это длится часами, сообщите провайдеру.",
        ],
    },
    CauseWords {
        cause: Cause::None,
        title: "Письмо остановлено",
        sentence: "Точная причина указана в ответе сервера.",
        steps: &[
            "Прочтите ответ, который показывает почтовая программа.",
            "Если он непонятен, сообщите номер провайдеру.",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_from_codes_and_words() {
        for words in &ENGLISH_CAUSES {
            assert_eq!(family(words.cause.code()), words.cause);
            assert_eq!(family(&format!("[{}]", words.cause.code())), words.cause);
        }
        assert_eq!(family("content"), Cause::Content);
        assert_eq!(family("<b>"), Cause::None);
    }

    #[test]
    fn every_cause_has_words_in_every_language() {
        for words in &ENGLISH_CAUSES {
            for language in [Language::English, Language::Italian, Language::Russian] {
                let found = cause(language, words.cause);
                assert!(
                    found.is_some_and(|found| found.steps.len() >= 2),
                    "{language:?} {:?}",
                    words.cause
                );
            }
        }
    }
}
