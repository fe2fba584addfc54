//! TCP and UDP sockets of the processes that belong to a finding.
//!
//! A process's sockets are known by inode number from its descriptors; what they are connected to stands in the tables
//! of its network name space, `/proc/PID/net/{tcp,tcp6,udp,udp6}` (`proc_pid_net(5)`).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::observed::{Gaps, Observed, is_missing, reason};
use super::process::{self, Process, Processes};

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
/// `TCP_LISTEN`.
const LISTEN: u8 = 10;

/// Protocol of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// UDP over IPv4 or IPv6.
    Udp,
}

/// Which way a connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
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
    /// State of the connection: `established`, `listen`, …; for UDP `connected` or `unconnected`.
    pub state: String,
    /// Which way the connection was made, guessed from who listens.
    pub direction: Direction,
}

impl Socket {
    /// The port that was called: the remote one of an outbound connection, the local one of an inbound one; `None` where
    /// there is no connection.
    pub fn destination_port(&self) -> Option<u16> {
        match self.direction {
            Direction::Outbound => Some(self.remote.port()),
            Direction::Inbound => Some(self.local.port()),
            Direction::Listening => None,
        }
    }

    /// The address of the side that called; `None` while nobody has.
    pub fn source_ip(&self) -> Option<IpAddr> {
        match self.direction {
            Direction::Outbound => Some(self.local.ip()),
            Direction::Inbound => Some(self.remote.ip()),
            Direction::Listening => None,
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        };
        let how = match self.direction {
            Direction::Listening => format!("listens on {}", self.local),
            Direction::Inbound => format!("{} called {}", self.remote, self.local),
            Direction::Outbound => format!("{} called {}", self.local, self.remote),
        };
        write!(f, "pid {} {}, {protocol} {how}, {}", self.pid, self.process, self.state)
    }
}

/// A line of a socket table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    protocol: Protocol,
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
}

/// The socket tables of one network name space.
#[derive(Debug, Default)]
struct Table {
    by_ino: HashMap<u64, Line>,
    /// Local ports with a listener.
    listening: HashSet<u16>,
    gaps: Gaps,
}

/// The tables read so far, by network name space: each is read once for all processes in it.
#[derive(Debug, Default)]
pub(super) struct Tables(Mutex<HashMap<PathBuf, Arc<Table>>>);

/// The sockets of these processes.
pub(super) fn of(processes: &Processes, of: &[Process]) -> Observed<Vec<Socket>> {
    let mut gaps = processes.gaps.clone();
    let mut found = Vec::new();
    for process in of {
        let held = processes.sockets(process.pid);
        if held.is_empty() {
            continue;
        }
        let table = processes.tables.of(&processes.folder(process.pid));
        gaps.absorb(&table.gaps);
        found.extend(held.iter().filter_map(|ino| Some(describe(table.by_ino.get(ino)?, &table, process))));
    }
    gaps.settle(found)
}

fn describe(line: &Line, table: &Table, process: &Process) -> Socket {
    let connected = line.remote.port() != 0;
    let state = match line.protocol {
        Protocol::Tcp => TCP_STATES
            .get(usize::from(line.state).wrapping_sub(1))
            .map_or_else(|| format!("state {}", line.state), |name| (*name).to_owned()),
        Protocol::Udp => if connected { "connected" } else { "unconnected" }.to_owned(),
    };
    let direction = match connected {
        false => Direction::Listening,
        true if line.protocol == Protocol::Tcp && table.listening.contains(&line.local.port()) => Direction::Inbound,
        true => Direction::Outbound,
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

impl Tables {
    /// The tables that the process in this folder sees.
    fn of(&self, process: &Path) -> Arc<Table> {
        let space = fs::read_link(process.join("ns/net")).unwrap_or_else(|_| process.to_owned());
        if let Some(table) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&space) {
            return Arc::clone(table);
        }
        let table = Arc::new(Table::read(&process.join("net")));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(space, Arc::clone(&table));
        table
    }
}

impl Table {
    fn read(net: &Path) -> Self {
        let mut table = Self::default();
        for (name, protocol) in
            [("tcp", Protocol::Tcp), ("tcp6", Protocol::Tcp), ("udp", Protocol::Udp), ("udp6", Protocol::Udp)]
        {
            match process::bytes(&net.join(name)) {
                Ok(bytes) => table.lines(&bytes, protocol),
                Err(error) if is_missing(&error) => {}
                Err(error) => table.gaps.add(format!("{}/{name}: {}", net.display(), reason(&error))),
            }
        }
        table
    }

    fn lines(&mut self, bytes: &[u8], protocol: Protocol) {
        for (ino, line) in String::from_utf8_lossy(bytes).lines().filter_map(|line| parse(line, protocol)) {
            if protocol == Protocol::Tcp && line.state == LISTEN {
                self.listening.insert(line.local.port());
            }
            self.by_ino.insert(ino, line);
        }
    }
}

/// Parses a line: number, local, remote, state, queues, timer, retransmits, uid, timeout, inode. `None` for the heading
/// and for what is no such line.
fn parse(line: &str, protocol: Protocol) -> Option<(u64, Line)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().take(10).collect();
    let [_, local, remote, state, _, _, _, _, _, ino] = fields.as_slice() else { return None };
    let (local, remote) = (address(local)?, address(remote)?);
    let state = u8::from_str_radix(state, 16).ok()?;
    Some((ino.parse().ok()?, Line { protocol, local, remote, state }))
}

/// An address in hex: 32-bit words, each in the byte order of the machine, then the port.
fn address(hex: &str) -> Option<SocketAddr> {
    let (ip, port) = hex.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip(words.as_flattened()) {
                *to = *from;
            }
            // An IPv4 connection on an IPv6 socket is shown as what it is.
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_lines_are_read_and_noise_is_not() {
        let native = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let v4 = format!("{}:0017", native([127, 0, 0, 1]));
        assert_eq!(address(&v4), Some("127.0.0.1:23".parse().unwrap()));
        let mapped = format!("{0}{0}{1}{2}:0050", native([0; 4]), native([0, 0, 0xff, 0xff]), native([10, 0, 0, 1]));
        assert_eq!(address(&mapped), Some("10.0.0.1:80".parse().unwrap()));
        let v6 = format!("{}{1}{1}{2}:0050", native([0x20, 1, 0xd, 0xb8]), native([0; 4]), native([0, 0, 0, 1]));
        assert_eq!(address(&v6), Some("[2001:db8::1]:80".parse().unwrap()));
        let line = format!("  0: {v4} {v4} 0A 00000000:00000000 00:00000000 00000000  0  0 777 1 x");
        let (ino, read) = parse(&line, Protocol::Tcp).unwrap();
        assert_eq!((ino, read.state, read.local.port()), (777, 0x0a, 23));
        for noise in [
            "",
            "sl local rem st",
            "0: x y z 1 2 3 4 5 6",
            "0: 0100007F:GG 0:0 01 a b c d e 1",
            "0: é0000000:0 é:1 01 a b c d e 1",
        ] {
            assert_eq!(parse(noise, Protocol::Udp), None, "{noise}");
        }
    }
}
