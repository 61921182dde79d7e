//! Plays the client's part of a dialog.

use super::house::House;
use super::script::{Script, Step, matches};
use net::{ClientTls, Dialer, Duplex};
use std::time::Duration;
use store::QueueFilter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Everything the server does must come within this time.
const PATIENCE: Duration = Duration::from_secs(20);

struct Client<'a> {
    house: &'a House,
    stream: Option<Box<dyn Duplex>>,
    input: Vec<u8>,
    output: Vec<u8>,
    split: Option<usize>,
    last: String,
}

/// Plays it; the error names the line.
pub async fn play(house: &House, script: &Script) -> Result<(), String> {
    let mut client = Client {
        house,
        stream: None,
        input: Vec::new(),
        output: Vec::new(),
        split: None,
        last: String::new(),
    };
    for (number, step) in &script.steps {
        client
            .step(step)
            .await
            .map_err(|error| format!("line {number}: {error}"))?;
    }
    Ok(())
}

impl Client<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        if let Step::Send(octets) = step {
            self.output.extend_from_slice(octets);
            return Ok(());
        }
        if !self.output.is_empty() {
            self.send().await?;
        }
        match step {
            Step::Send(_) => {}
            Step::Door(door, from) => {
                self.input.clear();
                self.split = None;
                let source = from
                    .as_ref()
                    .map(|from| from.parse().map_err(|_| "an address"))
                    .transpose()?;
                let to = self.house.address(door)?;
                let dialed = Dialer::system().connect(source, to, PATIENCE).await;
                self.stream = Some(dialed.map_err(|error| error.to_string())?);
            }
            Step::Expect(pattern) => {
                self.last = self.reply().await?;
                if !matches(pattern, &self.last) {
                    return Err(format!("expected {pattern:?}, got {:?}", self.last));
                }
            }
            Step::Lacks(text) => {
                if self.last.contains(text.as_str()) {
                    return Err(format!("{:?} has {text:?} in it", self.last));
                }
            }
            Step::Split(octets) => self.split = Some(*octets),
            Step::Tls(succeeds) => self.tls(*succeeds).await?,
            Step::Close => self.expect_close().await?,
            Step::Drop => self.stream = None,
            Step::HalfClose => self
                .stream()?
                .shutdown()
                .await
                .map_err(|error| error.to_string())?,
            Step::Told(text) => self.house.told.wait_for(text).await?,
            Step::Queued(_) | Step::Stored(..) | Step::Envelope(_) => self.look(step)?,
            Step::Now(line) => self.house.now(line).await?,
        }
        Ok(())
    }

    fn look(&self, step: &Step) -> Result<(), String> {
        let queue = &self.house.store.queue;
        let rows = queue.list(&QueueFilter::default(), None, 10_000);
        let mut ids: Vec<_> = rows.iter().map(|row| row.envelope.id).collect();
        ids.dedup();
        if let Step::Queued(count) = step {
            return if ids.len() == *count {
                Ok(())
            } else {
                Err(format!("{} messages are queued", ids.len()))
            };
        }
        let newest = *ids.last().ok_or("the queue is empty")?;
        match step {
            Step::Stored(wanted, text) => {
                let message = queue.message(newest).map_err(|error| error.to_string())?;
                let found = message
                    .windows(text.len())
                    .any(|window| window == text.as_slice());
                if found == *wanted {
                    Ok(())
                } else {
                    Err(format!("stored: {}", String::from_utf8_lossy(&message)))
                }
            }
            Step::Envelope(text) => {
                let kept = queue.get(newest).ok_or("gone")?;
                let json = serde_json::to_string(&(&*kept.0, &kept.1)).unwrap();
                if json.contains(text.as_str()) {
                    Ok(())
                } else {
                    Err(json)
                }
            }
            _ => Ok(()),
        }
    }

    fn stream(&mut self) -> Result<&mut Box<dyn Duplex>, String> {
        self.stream.as_mut().ok_or_else(|| "not connected".to_owned())
    }

    async fn send(&mut self) -> Result<(), String> {
        let output = std::mem::take(&mut self.output);
        let size = self.split.unwrap_or(output.len()).max(1);
        let stream = self.stream()?;
        let write = async {
            for piece in output.chunks(size) {
                stream.write_all(piece).await?;
                stream.flush().await?;
                tokio::task::yield_now().await;
            }
            Ok::<_, std::io::Error>(())
        };
        match timeout(PATIENCE, write).await {
            // The server may have closed while we still send: what it said before is what counts.
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err("the server does not read".to_owned()),
        }
    }

    /// One reply: `CODE text`, the lines of a long one joined by line feeds.
    async fn reply(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            let (code, rest) = line
                .split_at_checked(3)
                .ok_or_else(|| format!("not a reply: {line:?}"))?;
            if line.len() + 2 > 512 {
                return Err(format!("a reply line of {} octets", line.len() + 2));
            }
            if text.is_empty() {
                text = format!("{code} {}", rest.get(1..).unwrap_or_default());
            } else {
                text.push('\n');
                text.push_str(rest.get(1..).unwrap_or_default());
            }
            if !rest.starts_with('-') {
                return Ok(text);
            }
        }
    }

    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.input.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| "a reply that is not UTF-8".to_owned());
            }
            if !self.read().await? {
                return Err(format!("closed; before: {:?}", self.last));
            }
        }
    }

    /// False at the end of the stream.
    async fn read(&mut self) -> Result<bool, String> {
        let mut room = [0; 4_096];
        let stream = self.stream()?;
        match timeout(PATIENCE, stream.read(&mut room)).await {
            Ok(Ok(0)) => Ok(false),
            Ok(Ok(octets)) => {
                self.input.extend_from_slice(&room[..octets]);
                Ok(true)
            }
            Ok(Err(error)) => Err(format!("{error}; before: {:?}", self.last)),
            Err(_) => Err(format!("silence; before: {:?}", self.last)),
        }
    }

    async fn expect_close(&mut self) -> Result<(), String> {
        loop {
            if !self.input.is_empty() {
                return Err(format!(
                    "instead of a close: {:?}",
                    String::from_utf8_lossy(&self.input)
                ));
            }
            match self.read().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) if error.contains("silence") => return Err(error),
                // A reset is a close too.
                Err(_) => return Ok(()),
            }
        }
    }

    async fn tls(&mut self, succeeds: bool) -> Result<(), String> {
        let stream = self.stream.take().ok_or("not connected")?;
        if !self.input.is_empty() {
            return Err(format!(
                "octets before the handshake: {:?}",
                String::from_utf8_lossy(&self.input)
            ));
        }
        let tls = ClientTls::new().map_err(|error| error.to_string())?;
        match tls.connect(stream, "mx.test.example", false, PATIENCE).await {
            Ok((stream, _)) if succeeds => {
                self.stream = Some(stream);
                Ok(())
            }
            Ok(_) => Err("the handshake succeeded".to_owned()),
            Err(_) if !succeeds => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
