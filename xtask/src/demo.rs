//! `cargo xtask run`: the whole gateway on loopback, a sink that plays the Internet, and a stream of messages through real SMTP
//! with TLS and AUTH: honest ones, spam, the virus test string, a borrowed sender address, a stolen account that bursts.

use crate::{machine, shell};
use anyhow::{Context, Result};
use e2e::client::{Client, Fared, Mail};
use e2e::mails;
use e2e::process::{Gateway, Plan};
use e2e::sink::{Behaviour, Sink};
use std::net::SocketAddr;
use std::time::Duration;

/// Logins of the demonstration; all have the same password.
const PASSWORD: &str = "correct horse battery staple";
const ACCOUNTS: [(&str, &str, &str); 7] = [
    ("operator@gateway.example", "operator", "en"),
    ("anna@acme.example", "user", "en"),
    ("marco@officina.example", "user", "it"),
    ("olga@sklad.example", "user", "ru"),
    ("notizie@biblioteca.example", "domain_admin", "it"),
    ("stolen@officina.example", "user", "it"),
    ("busy@acme.example", "user", "en"),
];

/// A message to send, and what it shows.
struct Step {
    what: &'static str,
    login: &'static str,
    from: &'static str,
    to: Vec<&'static str>,
    message: Vec<u8>,
}

/// Sets up, starts, sends, tells; then goes on with a trickle until Ctrl-C, or ends with `--once`.
pub fn run(arguments: &[String]) -> Result<()> {
    machine::prepare(machine::Need::Build)?;
    shell::step("build", shell::cargo(&["build", "--package", "gateway"]))?;
    let once = arguments.iter().any(|word| word == "--once");
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(demonstrate(once))
}

async fn demonstrate(once: bool) -> Result<()> {
    let sink = Sink::start(
        SocketAddr::from(([127, 0, 0, 1], 0)),
        Behaviour {
            keep: true,
            ..Default::default()
        },
    )
    .await?;
    let gateway =
        tokio::task::spawn_blocking(move || start(sink_plan(sink.address)).map(|gateway| (gateway, sink)));
    let (gateway, sink) = gateway.await??;
    println!(
        "\ngateway up in {:.0} ms; submission on {}, panel on http://{}\n",
        gateway.started_in.as_secs_f64() * 1e3,
        gateway.submission,
        gateway.panel
    );
    let mut taken = 0;
    for step in steps()? {
        let fared = send(&gateway, &step).await?;
        taken += u64::from(fared.taken());
        tell(&step, &fared);
    }
    println!("\nwaiting until the Internet has what was taken …");
    let arrived = sink
        .wait_for(taken.saturating_sub(2), Duration::from_secs(10))
        .await;
    summary(&gateway, &sink, taken, arrived)?;
    if once {
        let (lasted, well) = tokio::task::spawn_blocking(move || {
            let mut gateway = gateway;
            gateway.terminate()
        })
        .await??;
        println!(
            "closed in {:.1} s, {}",
            lasted.as_secs_f64(),
            if well { "in good order" } else { "with an error" }
        );
        return Ok(());
    }
    println!(
        "\npanel:  http://{}   login: operator@gateway.example   password: {PASSWORD}",
        gateway.panel
    );
    println!(
        "        anna@acme.example (user) and notizie@biblioteca.example (domain admin) have the same password"
    );
    println!(
        "look:   target/debug/dogana --config {} trace --follow",
        gateway.config().display()
    );
    println!("a message every two seconds goes on; Ctrl-C ends\n");
    trickle(&gateway).await
}

fn sink_plan(sink: SocketAddr) -> Plan {
    let more = "[egress.retry]\nafter_s = [5, 10, 20]\n[risk]\nlock_refusals = 4\n\
                [[risk.limits.each_mailbox.windows]]\nwindow_s = 3600\nmessages = 60\nrecipients = 200\n";
    let panel = SocketAddr::from(([127, 0, 0, 1], 8_025));
    let free = std::net::TcpListener::bind(panel).is_ok();
    Plan {
        next_hop: Some(sink),
        more: more.to_owned(),
        panel: free.then_some(panel),
        ..Plan::default()
    }
}

fn start(plan: Plan) -> Result<Gateway> {
    let mut gateway = Gateway::prepare(&plan)?;
    println!("── demo accounts in {}", gateway.folder.path().display());
    for (login, role, language) in ACCOUNTS {
        let words = ["account", "add", login, "--role", role, "--language", language];
        gateway.dogana(&words, &format!("{PASSWORD}\n"))?;
    }
    gateway.dogana(&["key", "generate", "acme.example", "demo"], "")?;
    gateway.launch()?;
    Ok(gateway)
}

fn sample(name: &str) -> Result<String> {
    let path = shell::root().join("samples").join(name);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// A shipped sample with CRLF line ends and its placeholders filled in.
fn filled(name: &str, login: &str) -> Result<Vec<u8>> {
    let text = sample(name)?
        .replace("{gtube}", &mails::gtube())
        .replace("{login}", login);
    Ok(text.replace('\n', "\r\n").into_bytes())
}

fn steps() -> Result<Vec<Step>> {
    let step = |what, login, to: &[&'static str], message| Step {
        what,
        login,
        from: login,
        to: to.to_vec(),
        message,
    };
    let (anna, marco, olga) = (
        "anna@acme.example",
        "marco@officina.example",
        "olga@sklad.example",
    );
    let stolen = "stolen@officina.example";
    let mut steps = vec![
        step("honest, English", anna, &["tom@customer.example"], filled("honest-en-invoice.eml", anna)?),
        step("honest, Italian", marco, &["giulia@studio.example"], filled("honest-it-riunione.eml", marco)?),
        step("honest, Russian", olga, &["petr@partner.example"], filled("honest-ru-dogovor.eml", olga)?),
        step("newsletter to three", "notizie@biblioteca.example", &["ada@l.example", "ugo@l.example", "eva@l.example"], filled("honest-it-newsletter.eml", "")?),
        step("busy next hop: tried again", anna, &["tempfail@customer.example"], filled("honest-en-family.eml", anna)?),
        step("unknown there: a notice comes back", anna, &["permfail@customer.example"], filled("honest-en-family.eml", anna)?),
        step("virus test string", anna, &["tom@customer.example"], mails::with_file(anna, "tom@customer.example", "Setup", "setup.txt", mails::eicar().as_bytes())),
        step("a program named as a picture", marco, &["giulia@studio.example"], mails::with_file(marco, "giulia@studio.example", "Foto", "foto.jpg", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00\xb8\x00\x00\x00\x00\x00\x00\x00@\x00This program cannot be run in DOS mode.")),
        Step { what: "somebody else's address", login: anna, from: "boss@bank.example", to: vec!["tom@customer.example"], message: mails::plain("boss@bank.example", "tom@customer.example", "Transfer", "Please pay.") },
        step("somebody else in From", anna, &["tom@customer.example"], mails::plain("boss@bank.example", "tom@customer.example", "Transfer", "Please pay.")),
        step("spam", "busy@acme.example", &["winner@victim.example"], filled("spam-en-pharmacy.eml", "busy@acme.example")?),
    ];
    for _ in 0..6 {
        steps.push(step(
            "stolen account bursts",
            stolen,
            &["utente@victim.example"],
            filled("spam-it-bollo.eml", stolen)?,
        ));
    }
    steps.push(step(
        "its neighbour goes on",
        marco,
        &["giulia@studio.example"],
        filled("honest-it-riunione.eml", marco)?,
    ));
    Ok(steps)
}

async fn send(gateway: &Gateway, step: &Step) -> Result<Fared> {
    let mut client = Client::connect(gateway.submission).await?.start_tls().await?;
    let reply = client.login(step.login, PASSWORD).await?;
    anyhow::ensure!(reply.starts_with("235"), "login of {}: {reply}", step.login);
    let fared = client
        .send(&Mail {
            from: step.from,
            to: step.to.clone(),
            message: &step.message,
        })
        .await?;
    client.quit().await?;
    Ok(fared)
}

fn tell(step: &Step, fared: &Fared) {
    let reply = fared.decisive().replace('\n', " / ");
    let colour = match reply.as_bytes().first() {
        Some(b'2') => "\x1b[32m",
        Some(b'4') => "\x1b[33m",
        _ => "\x1b[31m",
    };
    println!("{:<36} {:<28} {colour}{reply}\x1b[0m", step.what, step.login);
}

fn summary(gateway: &Gateway, sink: &Sink, taken: u64, arrived: bool) -> Result<()> {
    let all = if arrived {
        ""
    } else {
        " (others are still on their way)"
    };
    println!(
        "{taken} messages were taken, {} reached the Internet{all}\n",
        sink.count()
    );
    print!("{}", gateway.dogana(&["trace", "--limit", "30"], "")?);
    println!();
    print!("{}", gateway.dogana(&["queue", "list"], "")?);
    println!();
    print!("{}", gateway.dogana(&["sender", "list"], "")?);
    Ok(())
}

async fn trickle(gateway: &Gateway) -> Result<()> {
    let mut round = 0usize;
    loop {
        let steps = steps()?;
        let honest: Vec<&Step> = steps
            .iter()
            .filter(|step| step.what.starts_with("honest"))
            .collect();
        let odd = &steps[6 + round / 8 % 3];
        let step = if round % 8 == 7 {
            odd
        } else {
            honest[round % honest.len()]
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
        match send(gateway, step).await {
            Ok(fared) => tell(step, &fared),
            Err(error) => println!("{}: {error:#}", step.what),
        }
        round += 1;
    }
}
