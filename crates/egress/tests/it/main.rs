//! The sending side against scripted and real next hops, with the real store underneath.

mod neighbours;
mod sim;
mod tls;
mod world;
