//! Real mail programs: swaks and Python's smtplib.

use super::{PASSWORD, house};
use std::process::Command;
use std::time::Duration;

fn output(command: &mut Command) -> (bool, String) {
    let out = command
        .output()
        .expect("the program is installed by `cargo xtask test`");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    (out.status.success(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks() {
    let (gateway, sink) = house("").await;
    let server = gateway.submission.to_string();
    let tls = gateway.submissions.to_string();
    let base = [
        "--from",
        "anna@acme.example",
        "--to",
        "tom@customer.example",
        "--auth-user",
        "anna@acme.example",
        "--auth-password",
        PASSWORD,
    ];
    let rows: [(&[&str], &str, bool); 6] = [
        (
            &["--server", &server, "--tls", "--auth", "PLAIN"],
            "250 2.0.0",
            true,
        ),
        (
            &["--server", &server, "--tls", "--auth", "LOGIN"],
            "250 2.0.0",
            true,
        ),
        (
            &["--server", &tls, "--tls-on-connect", "--auth", "PLAIN"],
            "250 2.0.0",
            true,
        ),
        (
            &["--server", &server, "--tls", "--auth", "PLAIN", "--pipeline"],
            "250 2.0.0",
            true,
        ),
        (&["--server", &server, "--auth", "PLAIN"], "", false),
        (
            &[
                "--server",
                &server,
                "--tls",
                "--auth",
                "PLAIN",
                "--body",
                &e2e::mails::gtube(),
            ],
            "550 5.7.1",
            false,
        ),
    ];
    let mut arrived = 0;
    for (words, expected, right) in rows {
        let (well, text) = output(Command::new("swaks").args(base).args(words));
        assert_eq!(well, right, "{words:?}: {text}");
        assert!(text.contains(expected), "{words:?}: {text}");
        arrived += u64::from(right);
    }
    assert!(sink.wait_for(arrived, Duration::from_secs(10)).await);
    let (well, text) = output(Command::new("swaks").args(base).args([
        "--server",
        &server,
        "--tls",
        "--auth",
        "PLAIN",
        "--drop-after",
        "RCPT",
    ]));
    assert!(well, "{text}");
    assert_eq!(sink.count(), arrived, "a dropped connection delivers nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn python() {
    let (gateway, sink) = house("").await;
    let script = r#"
import smtplib, ssl, sys
from email.message import EmailMessage
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
host, port, password = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with smtplib.SMTP(host, port) as server:
    server.starttls(context=context)
    server.login("anna@acme.example", password)
    for n in range(3):
        message = EmailMessage()
        message["From"] = "Anna <anna@acme.example>"
        message["To"] = "tom@customer.example"
        message["Subject"] = f"Caffè {n}"
        message.set_content("Привет\n.\n..\n")
        message.add_attachment(b"%PDF-1.4 not much of one", maintype="application", subtype="pdf", filename="offerta à.pdf")
        server.send_message(message)
    try:
        server.sendmail("boss@bank.example", ["tom@customer.example"], "From: boss@bank.example\r\n\r\nhello")
        sys.exit("a foreign sender was accepted")
    except smtplib.SMTPSenderRefused as error:
        assert error.smtp_code == 553, error
    except smtplib.SMTPRecipientsRefused as error:
        assert list(error.recipients.values())[0][0] == 553, error
try:
    with smtplib.SMTP(host, port) as server:
        server.starttls(context=context)
        server.login("anna@acme.example", "wrong")
        sys.exit("a wrong password was accepted")
except smtplib.SMTPAuthenticationError as error:
    assert error.smtp_code == 535, error
print("done")
"#;
    let words = [
        "-c",
        script,
        "127.0.0.1",
        &gateway.submission.port().to_string(),
        PASSWORD,
    ];
    let (well, text) = output(Command::new("python3").args(words));
    assert!(well && text.contains("done"), "{text}");
    assert!(sink.wait_for(3, Duration::from_secs(10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tls_is_refused() {
    let (gateway, _sink) = house("").await;
    let connect = gateway.submissions.to_string();
    for (words, right) in [
        (vec!["-tls1_3"], true),
        (vec!["-tls1_2"], true),
        (vec!["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false),
    ] {
        let (_, text) = output(
            Command::new("openssl")
                .args(["s_client", "-brief", "-connect", &connect])
                .args(&words)
                .stdin(std::process::Stdio::null()),
        );
        assert_eq!(
            text.contains("CONNECTION ESTABLISHED"),
            right,
            "{words:?}: {text}"
        );
    }
}
