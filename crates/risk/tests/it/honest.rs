//! Hard honest cases, each by its name, and beside them the attacks they must not be taken for: a sender lives for some weeks, then
//! something happens. The site is old, texts are as rare as each case says.

use jiff::Timestamp;
use risk::*;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// One sender and its ledger.
struct Life {
    sender: Sender,
    ledger: Ledger,
    policy: Policy,
    now: i64,
    shared: SharedFacts,
    /// Stopped since last asked.
    stopped: Vec<Verdict>,
    number: u64,
}

/// One message; what is not said is as ever.
#[derive(Clone)]
struct Mail {
    to: Vec<u64>,
    whence: Whence,
    /// The share of accepted mail that reads as bad.
    rank: f32,
    text: u16,
    bulk: bool,
    foreign: bool,
}

const HOME: Whence = Whence {
    place: 1,
    provider: 10,
    country: *b"IT",
    client: 5,
};

fn from(place: u32, provider: u16, country: &[u8; 2]) -> Whence {
    Whence {
        place,
        provider,
        country: *country,
        client: 5,
    }
}

fn mail(to: impl IntoIterator<Item = u64>) -> Mail {
    Mail {
        to: to.into_iter().collect(),
        whence: HOME,
        rank: 0.4,
        text: 0,
        bulk: false,
        foreign: false,
    }
}

fn mixed(number: u64) -> u64 {
    let z = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Life {
    fn new(kind: SenderKind) -> Self {
        Self {
            sender: Sender {
                kind,
                name: "anna@example.com".into(),
                domain: "example.com".into(),
                tenant: "acme".into(),
            },
            ledger: Ledger::default(),
            policy: Policy::default(),
            now: 1_760_000_000 / DAY * DAY,
            shared: SharedFacts::default(),
            stopped: Vec::new(),
            number: 0,
        }
    }

    /// A person who wrote four times a day for thirty days to a circle of thirty.
    fn person() -> Self {
        let mut life = Self::new(SenderKind::Mailbox);
        for day in 0..30 {
            for hour in 0..4 {
                life.send(&mail([mixed(day * 4 + hour) % 30]));
                life.now += 2 * HOUR;
            }
            life.now += 16 * HOUR;
        }
        life.honest("an ordinary month");
        life
    }

    fn send(&mut self, mail: &Mail) -> Verdict {
        self.number += 1;
        let text = if mail.text == 0 { [0; 4] } else { [mail.text; 4] };
        let at = Timestamp::from_second(self.now).unwrap();
        let recipients: Vec<_> = mail
            .to
            .iter()
            .map(|number| Recipient {
                hash: mixed(*number),
                own: false,
            })
            .collect();
        let sending = Sending {
            at,
            kind: self.sender.kind,
            whence: Some(mail.whence),
            recipients: &recipients,
            text,
            is_bulk: mail.bulk,
            is_foreign: mail.foreign,
        };
        let mut conduct = self.ledger.look(&sending);
        conduct.site_days = 400;
        conduct.shared = self.shared;
        let door = Door {
            listener: "submission".into(),
            kind: DoorKind::Submission,
            client: None,
            helo: String::new(),
            tls: true,
        };
        let mut facts = Facts::new(Stage::Data, at, door, self.sender.clone());
        facts.identity = Gathered::Known(IdentityFacts {
            reverse_path: Match::Owned,
            header_from: if mail.foreign {
                Match::Foreign("other@example.net".into())
            } else {
                Match::Owned
            },
            header_sender: Match::Absent,
        });
        self.policy.identity = IdentityMode::Log;
        facts.conduct = Gathered::Known(conduct);
        let reading = Reading {
            shipped: 0.0,
            local: None,
            odds: 0.0,
            role: Role::Person,
            rank: mail.rank,
            measured_on: 100_000,
            phrases: Vec::new(),
        };
        let mut content = ContentFacts::default();
        content.text.get_or_insert_default().reading = Some(reading);
        facts.content = Gathered::Known(content);
        let verdict = judge(&facts, &self.policy);
        let accepted = verdict.action == Action::Accept;
        let known = facts.conduct.known().unwrap();
        self.ledger
            .fold(&sending, known, verdict.trial.as_ref().unwrap(), accepted);
        if !accepted {
            self.stopped.push(verdict.clone());
        }
        verdict
    }

    fn returned(&mut self, returned: Returned) {
        let at = Timestamp::from_second(self.now).unwrap();
        self.ledger
            .feedback(returned, self.number as u16, self.sender.kind, at);
    }

    /// Nothing was stopped.
    fn honest(&mut self, what: &str) {
        assert!(self.stopped.is_empty(), "{what}: {:#?}", self.stopped[0]);
    }
}

#[test]
fn traveller() {
    let mut life = Life::person();
    for (day, country) in [(0, b"KE"), (2, b"KR"), (4, b"NG")] {
        for hour in 0..6 {
            life.now += HOUR;
            let hotel = from(100 + day + hour / 3, 50 + day as u16, country);
            let mut mail = mail([mixed(u64::from(hour)) % 30]);
            (mail.whence, mail.rank) = (hotel, if hour == 3 { 0.05 } else { 0.4 });
            life.send(&mail);
        }
        life.now += DAY;
    }
    life.honest("three countries in a week, to people it knows");
}

#[test]
fn vpn() {
    let mut life = Life::person();
    for evening in 0..10u32 {
        let mut through = mail([u64::from(evening) % 30]);
        through.whence = from(
            200 + evening,
            60 + evening as u16 % 3,
            [b"SE", b"NL", b"CH"][evening as usize % 3],
        );
        life.send(&through);
        life.now += HOUR;
        life.send(&mail([3]));
        life.now += 20 * HOUR;
    }
    life.honest("a VPN with exits in three countries");
}

#[test]
fn new_provider() {
    let mut life = Life::person();
    for message in 0..60 {
        let mut other = mail([mixed(message) % 34]);
        other.whence = Whence {
            client: 6,
            ..from(300, 70, b"IT")
        };
        life.send(&other);
        life.now += 5 * HOUR;
    }
    life.honest("another provider and another program");
}

#[test]
fn new_employee() {
    let mut life = Life::new(SenderKind::Mailbox);
    for person in 0..110 {
        life.send(&mail([person]));
        life.returned(if person % 22 == 5 {
            Returned::UnknownUser
        } else {
            Returned::Delivered
        });
        life.now += 300;
    }
    life.now += DAY;
    for person in 110..160 {
        life.send(&mail([person]));
        life.returned(Returned::Delivered);
        life.now += 600;
    }
    life.honest("writes to everybody on the first day, mistypes some");
}

#[test]
fn first_newsletter() {
    let mut life = Life::person();
    for subscriber in 1_000..1_400 {
        let mut issue = mail([subscriber]);
        (issue.bulk, issue.text, issue.rank) = (true, 77, 0.02);
        life.send(&issue);
        life.returned(if subscriber % 20 == 0 {
            Returned::UnknownUser
        } else {
            Returned::Delivered
        });
        life.now += 1;
    }
    life.honest("four hundred subscribers at once, one in twenty is gone");
}

#[test]
fn invoice_run() {
    let mut life = Life::person();
    for customer in 2_000..2_250 {
        let mut invoice = mail([customer]);
        (invoice.text, invoice.rank) = (88, 0.01);
        life.send(&invoice);
        life.returned(if customer % 100 == 0 {
            Returned::UnknownUser
        } else {
            Returned::Delivered
        });
        life.now += 2;
    }
    life.honest("two hundred and fifty invoices, one by one");
}

#[test]
fn password_reset_spike() {
    let mut life = Life::new(SenderKind::Mailbox);
    for user in 0..600u64 {
        let mut reset = mail([user]);
        (reset.text, reset.rank) = (99, 0.015);
        life.send(&reset);
        life.returned(if user % 80 == 0 {
            Returned::UnknownUser
        } else {
            Returned::Delivered
        });
        life.now += if user < 200 { 2 * HOUR } else { 3 };
    }
    life.honest("four hundred resets within twenty minutes");
    let at = Timestamp::from_second(life.now).unwrap();
    assert_eq!(life.ledger.role(SenderKind::Mailbox, at), Role::Application);
}

#[test]
fn reply_all_storm() {
    let mut life = Life::person();
    for _ in 0..4 {
        let mut all = mail(5_000..5_128);
        all.text = 44;
        life.send(&all);
        (0..128).for_each(|_| life.returned(Returned::Delivered));
        life.now += 60;
    }
    life.honest("four answers to a hundred and twenty-eight");
}

#[test]
fn list_server() {
    let mut life = Life::new(SenderKind::Mailbox);
    for post in 0..400u64 {
        let mut chunk = mail(post % 3 * 35..post % 3 * 35 + 35);
        (chunk.bulk, chunk.foreign, chunk.text) = (true, true, post as u16 / 3 + 1);
        chunk.rank = if post / 3 % 40 == 7 { 0.003 } else { 0.3 };
        life.send(&chunk);
        (0..35).for_each(|_| life.returned(Returned::Delivered));
        life.now += if post % 3 == 2 { 4 * HOUR } else { 1 };
    }
    life.honest("others' posts to the same members");
}

#[test]
fn secretary_with_bcc() {
    let mut life = Life::person();
    let mut circular = mail(7_000..7_303);
    circular.rank = 0.05;
    life.send(&circular);
    for member in 0..303 {
        life.returned(if member % 60 == 0 {
            Returned::UnknownUser
        } else {
            Returned::Delivered
        });
    }
    life.now += 3 * HOUR;
    life.send(&circular);
    life.honest("three hundred members in Bcc, twice");
}

#[test]
fn a_botnet_is_held_and_the_owner_goes_on() {
    let mut life = Life::person();
    let mut out = 0;
    for bot in 0..40u32 {
        let mut spam = mail((0..8).map(|n| 9_000 + u64::from(bot) * 8 + n));
        (spam.whence, spam.rank, spam.text) = (
            from(
                400 + bot,
                80 + bot as u16,
                [b"KE", b"VN", b"CL"][bot as usize % 3],
            ),
            0.002,
            5 + bot as u16,
        );
        out += u32::from(life.send(&spam).action == Action::Accept);
        life.now += 600;
        if bot % 10 == 9 {
            assert_eq!(
                life.send(&mail([4])).action,
                Action::Accept,
                "the owner's own mail, {bot}"
            );
        }
    }
    assert!(out <= 2, "{out}");
    let last = life.stopped.last().unwrap();
    let sentence = last.reason.sentence(Language::English);
    assert!(
        sentence.contains("Kenya") && sentence.contains("recipients it never wrote to"),
        "{sentence}"
    );
    assert_eq!(last.cause.code(), "ODD");
}

#[test]
fn a_burst_that_reads_like_the_owner_ends_with_what_comes_back() {
    let mut life = Life::person();
    let mut out = 0;
    for number in 0..500u64 {
        let mut spam = mail([20_000 + number]);
        (spam.whence, spam.text) = (from(500, 90, b"VN"), number as u16 + 1);
        if life.send(&spam).action == Action::Accept {
            out += 1;
            life.returned(if number % 6 == 0 {
                Returned::UnknownUser
            } else {
                Returned::Delivered
            });
        }
        life.now += 2;
    }
    assert!(out <= 25, "{out}");
}

#[test]
fn a_new_script_of_a_site_is_stopped_and_the_form_goes_on() {
    let mut life = Life::new(SenderKind::Script);
    life.sender.domain = String::new();
    let form = Whence {
        place: 1,
        ..Whence::default()
    };
    for visitor in 0..200u64 {
        let mut note = mail([visitor]);
        (note.whence, note.text) = (form, 6);
        life.send(&note);
        life.now += 3 * HOUR;
    }
    life.honest("the contact form");
    let mut out = 0;
    for number in 0..300u64 {
        let mut spam = mail([30_000 + number]);
        (spam.whence, spam.rank, spam.text) = (
            Whence {
                place: 2,
                ..Whence::default()
            },
            0.003,
            100 + number as u16 / 3,
        );
        out += u32::from(life.send(&spam).action == Action::Accept);
        life.now += 60;
        if number % 50 == 49 {
            let mut note = mail([40_000 + number]);
            (note.whence, note.text) = (form, 6);
            assert_eq!(life.send(&note).action, Action::Accept, "the form, {number}");
        }
    }
    assert!(out <= 4, "{out}");
}

#[test]
fn the_bound_on_false_stops_holds_for_honest_texts() {
    // Ranks of honest mail are uniform: the sum of one channel must reach h decibans less than once in 10^(h/10) messages.
    let mut life = Life::person();
    let (mut above, messages) = ([0u32; 2], 20_000u64);
    for number in 0..messages {
        let mut one = mail([mixed(number) % 30]);
        one.rank = ((mixed(number * 7 + 1) >> 11) as f32 / (1u64 << 53) as f32).max(1e-6);
        let verdict = life.send(&one);
        let sum = verdict.trial.unwrap().sums.of(Channel::Content);
        above[0] += u32::from(sum >= 20.0);
        above[1] += u32::from(sum >= 30.0);
        life.now += 2 * HOUR;
    }
    assert!(f64::from(above[0]) <= messages as f64 * 1e-2, "{above:?}");
    assert!(f64::from(above[1]) <= messages as f64 * 1e-3 * 3.0, "{above:?}");
}
