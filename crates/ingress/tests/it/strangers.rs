//! Clients that never log in cannot fill the log and the stories: so many are told in a second, the rest is counted.

use crate::dialogs::house::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The bound of the room.
const PER_SECOND_MAX: u64 = 50;

/// A probe: MAIL without a login, refused.
async fn probe(address: std::net::SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let script = b"EHLO probe\r\nMAIL FROM:<probe@stranger.example>\r\nQUIT\r\n";
    stream.write_all(script).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("\r\n530 "), "{said}");
}

#[tokio::test]
async fn stories_of_probes_are_bounded_and_the_rest_is_counted() {
    let house = House::open(&[]).await.unwrap();
    let address = house.address("clear").unwrap();
    let began = Instant::now();
    let mut probes = 0;
    // Until more came in one second than may be told, and one more after that says how many were not.
    let dropped = "stories of clients without a login were not told before";
    while house.told.count(dropped) == 0 {
        assert!(
            began.elapsed().as_secs() < 60,
            "{probes} probes, and none was dropped"
        );
        for _ in 0..40 {
            probe(address).await;
        }
        probes += 40;
    }
    let told = house.told.count("probe@stranger.example") as u64;
    let seconds = began.elapsed().as_secs() + 2;
    assert!(told <= PER_SECOND_MAX * seconds, "{told} in {seconds} s");
    assert!(told < probes, "{told} of {probes}");
    house.close().await;
}
