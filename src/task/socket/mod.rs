//! Sockets, by man page: [`endpoint`] is `socket(2)` and what names and connects one, [`message`] is
//! `send(2)` and `recv(2)`, [`options`] is `getsockopt(2)`.

mod address;
mod control;
mod credentials;
mod endpoint;
mod message;
mod options;
mod transfer;
mod value;

pub use address::{NotInet, SocketAddress};
pub use credentials::PeerCredentials;
pub use endpoint::SocketTask;
pub use message::{Received, SocketMessageTask};
pub use options::SocketOptionTask;
