//! A name server on loopback that says what the test wants, counts what it is asked, and can be made to wait.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

pub struct Server {
    pub address: SocketAddr,
    socket: UdpSocket,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Ipv4Addr>,
    asked: Vec<String>,
    /// Questions kept back, while some are.
    held: Option<Vec<(Vec<u8>, SocketAddr)>>,
}

impl Server {
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let state = Arc::<Mutex<State>>::default();
        let (at, own) = (Arc::clone(&state), socket.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut octets = [0; 1_500];
            // An empty packet ends it.
            while let Ok((length, peer)) = own.recv_from(&mut octets) {
                if length == 0 {
                    return;
                }
                let question = octets[..length].to_vec();
                let mut state = at.lock().unwrap();
                state.asked.push(name(&question));
                match &mut state.held {
                    Some(held) => held.push((question, peer)),
                    None => drop(own.send_to(&state.reply(&question), peer)),
                }
            }
        });
        Self {
            address: socket.local_addr().unwrap(),
            socket,
            state,
        }
    }

    /// From now on, this name has this address. Others do not exist.
    pub fn answer(&self, name: &str, address: &str) {
        let address = address.parse().unwrap();
        self.state
            .lock()
            .unwrap()
            .answers
            .insert(name.to_owned(), address);
    }

    pub fn forget(&self, name: &str) {
        self.state.lock().unwrap().answers.remove(name);
    }

    /// Keeps questions back.
    pub fn hold(&self) {
        self.state.lock().unwrap().held = Some(Vec::new());
    }

    /// Answers those kept back, and all others again.
    pub fn release(&self) {
        let mut state = self.state.lock().unwrap();
        for (question, peer) in state.held.take().unwrap_or_default() {
            self.socket.send_to(&state.reply(&question), peer).unwrap();
        }
    }

    /// How often a name was asked about.
    pub fn asked(&self, name: &str) -> usize {
        self.all().iter().filter(|asked| *asked == name).count()
    }

    /// All names in order.
    pub fn all(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.socket.send_to(&[], self.address);
    }
}

impl State {
    /// RFC 1035 §4.1: the question again, and one A record with a TTL of 0, or NXDOMAIN.
    fn reply(&self, question: &[u8]) -> Vec<u8> {
        let end = 12 + name(question).len() + 2 + 4;
        let mut reply = question[..end].to_vec();
        reply[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
        match self.answers.get(&name(question)) {
            Some(address) => {
                reply[2..4].copy_from_slice(&[0x84, 0x80]);
                reply[7] = 1;
                reply.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04");
                reply.extend(address.octets());
            }
            None => reply[2..4].copy_from_slice(&[0x84, 0x83]),
        }
        reply
    }
}

/// The name in a question, in lower case.
fn name(question: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    labels.join(".")
}
