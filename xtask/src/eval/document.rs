//! docs/accuracy.md: the tables of a run, with what they mean, where the mail comes from, and what is wrong with it.

use super::attacks;
use crate::shell;
use anyhow::Result;
use std::process::Command;

const FILE: &str = "docs/accuracy.md";
/// Programs whose versions are told, by Debian package.
const PACKAGES: [&str; 4] = ["bogofilter-bdb", "rspamd", "spamassassin", "redis-server"];

const HEAD: &str = "\
# How well the content model tells spam from ham

Written by `cargo xtask eval content --write`; do not edit. The content model alone is measured here: what is in the message, nothing
of the sender. Beside it, on the same messages, with the same labels in the same order: bogofilter, Rspamd and SpamAssassin from
Debian's packages, each with its own rules and its Bayes, without network.

## How to read it

- **(1-AUC)%**: how often, in percent, a ham message scores above a spam message, ties counting half. Lower is better.
- **miss at 1 %, 0.1 %, 0.01 % false**: the share of spam that passes when the threshold lets that share of ham be stopped. The ROC curve
  is joined by straight lines; messages of one score count as if drawn by lot. The number of ham is told above each table: where 0.01 %
  is less than one message, the column says no more than how the single highest ham lies.
- In brackets: 95 % intervals from 1,000 draws of *campaigns* (near-duplicate groups), not of messages: a campaign of 50 copies is one
  piece of evidence. A figure is often better told by its interval. The line below a table compares draw by draw.
- The threshold is that of hindsight, the same for every filter: no filter is judged by its own default threshold.
- `Bayes alone` is a filter's statistics without its rules. SpamAssassin's total has few steps where Bayes is sure, hence many ties.

## The mail

Every message is put into the form in which an outbound gateway would see it: the sender's own fields only, addresses replaced, nothing
that a receiver, a list or a filter added. Messages that two corpora hold are counted once. In order of time.

| corpus | what | terms |
| --- | --- | --- |
| spamassassin | SpamAssassin public corpus, 2001 to 2002 | collection in the public domain by its packager; the messages remain their senders': measured, never copied into this project |
| csdmc2010 | CSDMC 2010, the part that is at hand | the same |
| enron_cat | 1,700 business messages in part, 1997 to 2001 | public record |
";

const FLAWS: &str = "\
## Known flaws

- The mail is of 1997 to 2002 and nearly all English. It says how models compare, not what a site will see today.
- Six of seven messages of csdmc2010 are in spamassassin too. Copies are left out, but the two remain relatives, so `foreign-sa` is easier
  than a strange site's mail would be.
- In order of time the mail begins with Enron's ham and goes on with spam from elsewhere; mailing lists make most of the later ham. So
  `first` and `attacks` train on other ham than they test: harder than one site's own mail, for every filter alike.
- A filter that knows nothing scores the first messages in `immediate` and `tenth`; these scores count.
- The peers see no client address and no Received field, as the corpora have none to give; blocklists, SPF, DKIM, fuzzy checks and
  whatever else asks the network are off. They are stronger with it, and so is this gateway; only content is compared.
- Rspamd and SpamAssassin may learn from the first message of each kind (their defaults wait for 200) and do not learn by themselves.
- Some labels are wrong: the corpora are taken as they are.
- Ham from the first third is the padding of every attack; an attacker who knows the test's ham would do better.
- Image-only messages keep their subject. Noise stands for the picture: nobody here reads pictures.
";

/// Writes it.
pub fn write(tables: &[String], sample: usize) -> Result<()> {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Tables\n\n");
    if sample > 1 {
        text.push_str(&format!("**Only every {sample}th campaign was measured.**\n\n"));
    }
    text.push_str(&tables.join("\n"));
    text.push_str("\nThe attacks:\n\n");
    for (name, what) in attacks::ALL {
        text.push_str(&format!("- {name}: {what}\n"));
    }
    text.push('\n');
    text.push_str(FLAWS);
    text.push_str(&format!(
        "\n## To repeat it\n\nThe corpora are not part of the repository. With them in a folder named by `DOGANA_DATA` (or in \
         `../shared/data` beside the\ncheckout), as `corpora/*.tar.zst`: `cargo xtask eval content --write`. It installs the peers, shows a bar \
         for each, and keeps\ntheir scores in `target/eval/scores`, so that a second run measures only the own model again (`--fresh`: \
         everything).\n\nVersions: {}.\n",
        versions()?
    ));
    std::fs::write(shell::root().join(FILE), text)?;
    println!("── {FILE} written");
    Ok(())
}

fn versions() -> Result<String> {
    let mut command = Command::new("dpkg-query");
    command
        .args(["-W", "-f", "${Package} ${Version}\n"])
        .args(PACKAGES);
    Ok(shell::output(command)?.trim().replace('\n', ", "))
}
