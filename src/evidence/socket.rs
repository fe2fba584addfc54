//! Sockets of the processes that belong to a finding, and those that are connected to what a rule's match names.
//!
//! A process's sockets are known by inode number from its descriptors; what they are connected to stands in the tables
//! of its network name space, `/proc/PID/net/{tcp,tcp6,udp,udp6,raw,raw6,packet,unix}` (`proc_pid_net(5)`). A socket that
//! is in none of them is bound at most: the kernel lists it only once it listens or is connected.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::observed::{Gaps, Observed};
use super::process::{Process, ProcessIndex};
use super::socket_table::{Line, Protocol, SocketTable};

/// The states of a TCP socket, the first is number 1 (`include/net/tcp_states.h` of Linux).
const TCP_STATES: [&str; 12] = [
    "established",
    "synsent",
    "synrecv",
    "finwait1",
    "finwait2",
    "timewait",
    "close",
    "closewait",
    "lastack",
    "listen",
    "closing",
    "newsynrecv",
];
/// Which way a connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionDirection {
    /// The socket waits for others.
    Listening,
    /// Connected, and somebody listens on its local port: the other side called.
    Inbound,
    /// Connected, and nobody listens on its local port: this side called.
    Outbound,
}

/// A socket of a process that belongs to the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// The process that holds it.
    pub pid: u32,
    /// Name of that process, safe to show.
    pub process: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Address and port on this box.
    pub local: SocketAddr,
    /// Address and port on the other side; zero when there is none.
    pub remote: SocketAddr,
    /// State of the connection: `established`, `listen`, …; for UDP `connected` or `unconnected`; of a Unix socket its
    /// path. Safe to show.
    pub state: String,
    /// Which way the connection was made, guessed from who listens.
    pub direction: ConnectionDirection,
}

impl Socket {
    /// Whether it waits for others to connect.
    pub fn is_listening(&self) -> bool {
        self.direction == ConnectionDirection::Listening
    }

    /// The port that was called: the remote one of an outbound connection, the local one of an inbound one; `None` where
    /// there is no connection.
    pub fn destination_port(&self) -> Option<u16> {
        match self.direction {
            ConnectionDirection::Outbound => Some(self.remote.port()),
            ConnectionDirection::Inbound => Some(self.local.port()),
            ConnectionDirection::Listening => None,
        }
    }

    /// The address that was called, as [`Socket::destination_port`] has its port.
    pub fn destination_ip(&self) -> Option<IpAddr> {
        match self.direction {
            ConnectionDirection::Outbound => Some(self.remote.ip()),
            ConnectionDirection::Inbound => Some(self.local.ip()),
            ConnectionDirection::Listening => None,
        }
    }

    /// ECS's `network.direction` of a connection between hosts: `inbound` or `outbound`; `None` where there is none.
    pub fn network_direction(&self) -> Option<&'static str> {
        match self.direction {
            ConnectionDirection::Outbound => Some("outbound"),
            ConnectionDirection::Inbound => Some("inbound"),
            ConnectionDirection::Listening => None,
        }
    }

    /// The address of the side that called; `None` while nobody has.
    pub fn source_ip(&self) -> Option<IpAddr> {
        match self.direction {
            ConnectionDirection::Outbound => Some(self.local.ip()),
            ConnectionDirection::Inbound => Some(self.remote.ip()),
            ConnectionDirection::Listening => None,
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Raw => "raw IP",
            Protocol::Packet | Protocol::Unix | Protocol::Unlisted => {
                let what = match self.protocol {
                    Protocol::Packet => "a packet socket, which sees every frame",
                    Protocol::Unix => "a Unix socket",
                    _ => "a socket",
                };
                return write!(f, "pid {} {}, {what}, {}", self.pid, self.process, self.state);
            }
        };
        let how = match self.direction {
            ConnectionDirection::Listening => format!("listens on {}", self.local),
            ConnectionDirection::Inbound => format!("{} called {}", self.remote, self.local),
            ConnectionDirection::Outbound => format!("{} called {}", self.local, self.remote),
        };
        write!(f, "pid {} {}, {protocol} {how}, {}", self.pid, self.process, self.state)
    }
}

/// The sockets of these processes.
pub(super) fn of(processes: &ProcessIndex, of: &[Process]) -> Observed<Vec<Socket>> {
    let mut gaps = if processes.may_miss() { processes.gaps.clone() } else { Gaps::default() };
    let mut found = Vec::new();
    for process in of {
        let held = processes.sockets(process.pid);
        if held.is_empty() {
            continue;
        }
        let table = processes.tables.of(&processes.folder(process.pid));
        gaps.absorb(&table.gaps);
        let unlisted = Line::noted(Protocol::Unlisted, "neither connected nor listening: bound at most");
        let line = |ino: &u64| table.by_ino.get(ino).unwrap_or(&unlisted);
        let told = held.iter().filter(|ino| !table.of_the_kernel.contains(ino));
        found.extend(told.map(|ino| describe(line(ino), &table, process)));
    }
    gaps.settle(found)
}

/// A peer that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Its port, where one is named.
    pub(crate) port: Option<u16>,
}

impl Peer {
    fn is(&self, other: SocketAddr) -> bool {
        other.port() != 0
            && self.address.to_canonical() == other.ip().to_canonical()
            && self.port.is_none_or(|port| port == other.port())
    }
}

/// The connections of any process of the box with one of these peers.
pub(super) fn connected_to(processes: &ProcessIndex, peers: &[Peer], accounts: &BoxAccounts) -> Vec<Socket> {
    let mut found = Vec::new();
    if peers.is_empty() {
        return found;
    }
    for (pid, held) in processes.with_sockets() {
        let table = processes.tables.of(&processes.folder(pid));
        let lines = held.iter().filter_map(|ino| table.by_ino.get(ino));
        let wanted: Vec<&Line> = lines.filter(|line| peers.iter().any(|peer| peer.is(line.remote))).collect();
        if let Some(process) = processes.process(pid, accounts).filter(|_| !wanted.is_empty()) {
            found.extend(wanted.into_iter().map(|line| describe(line, &table, &process)));
        }
    }
    found
}

fn describe(line: &Line, table: &SocketTable, process: &Process) -> Socket {
    let connected = line.remote.port() != 0;
    let state = match line.protocol {
        _ if line.note.is_some() => line.note.clone().unwrap_or_default(),
        Protocol::Tcp => TCP_STATES
            .get(usize::from(line.state).wrapping_sub(1))
            .map_or_else(|| format!("state {}", line.state), |name| (*name).to_owned()),
        _ => if connected { "connected" } else { "unconnected" }.to_owned(),
    };
    let direction = match connected {
        false => ConnectionDirection::Listening,
        true if line.protocol == Protocol::Tcp && table.listening.contains(&line.local.port()) => {
            ConnectionDirection::Inbound
        }
        true => ConnectionDirection::Outbound,
    };
    Socket {
        pid: process.pid,
        process: process.name.clone(),
        protocol: line.protocol,
        local: line.local,
        remote: line.remote,
        state,
        direction,
    }
}
