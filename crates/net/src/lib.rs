//! THE SEAMS. Clock, DNS, TLS, sockets, and their fakes. Everything that touches the world outside is named here and nowhere
//! else; the other rooms get it from their constructors. Knows no mail.

mod clock;
mod dial;
mod dns;
mod error;
mod listen;
mod local;
mod tls;

pub use clock::Clock;
pub use dial::{Dialer, Duplex, Endpoint, EndpointError, SimulatedNetwork};
pub use dns::{DnsError, DnsTable, Mx, Resolver};
pub use error::NetError;
pub use listen::{Listener, ServerStream};
pub use local::{listen_control, listen_http};
pub use tls::{ClientTls, SelfSigned, ServerTls, TlsFacts, self_signed};
