//! Who is measured: something that scores a message and learns one. All get the same octets, the same labels, in the same order.

use super::dogana::Dogana;
use super::peers::bogofilter::Bogofilter;
use super::peers::rspamd::Rspamd;
use super::peers::spamassassin::SpamAssassin;
use anyhow::{Result, bail};

/// A filter under measurement.
pub trait Contender {
    /// The names of its readings: a filter may tell its total score and what its statistics alone say.
    fn readings(&self) -> &'static [&'static str];

    /// One figure a reading, higher is more like spam. Must not change what it knows.
    fn score(&mut self, message: &[u8]) -> Result<Vec<f64>>;

    /// All messages that will be scored, so that what does not hang on learning can be done at once.
    fn foresee(&mut self, _messages: &[&[u8]]) -> Result<()> {
        Ok(())
    }

    /// Is told what a message is.
    fn learn(&mut self, message: &[u8], spam: bool) -> Result<()>;
}

/// The own model; never read from kept scores, because it is what changes.
pub const OWN: &str = "dogana";
/// All that take part when nothing else is said.
pub const ALL: [&str; 4] = [OWN, "bogofilter", "rspamd", "spamassassin"];

/// Starts one that knows nothing.
pub fn start(name: &str) -> Result<Box<dyn Contender>> {
    Ok(match name {
        OWN => Box::new(Dogana::new()),
        "bogofilter" => Box::new(Bogofilter::start()?),
        "rspamd" => Box::new(Rspamd::start()?),
        "spamassassin" => Box::new(SpamAssassin::start(true)?),
        // One spamd that does everything: slow; shows that the two of `spamassassin` say the same.
        "spamassassin-whole" => Box::new(SpamAssassin::start(false)?),
        other => bail!("no such contender: {other} ({})", ALL.join(", ")),
    })
}
