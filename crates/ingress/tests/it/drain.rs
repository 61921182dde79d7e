//! The doors close: idle sessions are told, a message under way is finished or refused, nobody new comes in.

use crate::dialogs::house::{House, PASSWORD};
use base64::Engine;
use std::net::SocketAddr;
use std::time::Duration;
use store::QueueFilter;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(address).await.unwrap()));
        assert_eq!(client.reply().await, "220");
        client
    }

    /// The code of the next reply; empty at the end of the stream.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.get(..3).unwrap_or_default().to_owned();
            }
        }
    }

    async fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.unwrap();
    }

    /// To the middle of a message.
    async fn begin(&mut self) {
        let login =
            base64::engine::general_purpose::STANDARD.encode(format!("\0anna@example.com\0{PASSWORD}"));
        for (line, code) in [
            ("EHLO x".to_owned(), "250"),
            (format!("AUTH PLAIN {login}"), "235"),
            ("MAIL FROM:<anna@example.com>".to_owned(), "250"),
            ("RCPT TO:<b@there.example>".to_owned(), "250"),
            ("DATA".to_owned(), "354"),
        ] {
            self.send(&format!("{line}\r\n")).await;
            assert_eq!(self.reply().await, code, "{line}");
        }
        self.send("From: <anna@example.com>\r\n\r\nhalf").await;
    }
}

#[tokio::test]
async fn a_message_under_way_is_finished() {
    let house = House::open(&[]).await.unwrap();
    let address = house.address("clear").unwrap();
    let store = house.store.clone();
    let mut idle = Client::connect(address).await;
    let mut busy = Client::connect(address).await;
    busy.begin().await;
    let clients = async {
        assert_eq!(idle.reply().await, "421", "idle sessions are told at once");
        assert_eq!(idle.reply().await, "");
        assert!(TcpStream::connect(address).await.is_err(), "nobody new comes in");
        busy.send(" and half\r\n.\r\n").await;
        assert_eq!(busy.reply().await, "250");
        assert_eq!(busy.reply().await, "421");
        assert_eq!(busy.reply().await, "");
        let queued = store.queue.list(&QueueFilter::default(), None, 10).len();
        drop((idle, busy));
        queued
    };
    let ((), queued) = tokio::join!(house.drain(Duration::from_secs(60)), clients);
    assert_eq!(queued, 1);
}

#[tokio::test]
async fn a_message_that_does_not_end_is_refused() {
    let house = House::open(&[]).await.unwrap();
    let address = house.address("clear").unwrap();
    let mut busy = Client::connect(address).await;
    busy.begin().await;
    let client = async {
        let reply = busy.reply().await;
        drop(busy);
        reply
    };
    let ((), reply) = tokio::join!(house.drain(Duration::from_millis(200)), client);
    assert_eq!(reply, "421");
}
