// SPDX-License-Identifier: Apache-2.0

//! Groups of connections that hear each other. What members say collects in one buffer until all tasks that were
//! ready have run; then a task of the group writes it to each member, and copies only what a socket did not take.

use crate::packets::Buffer;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A member that does not read is dropped when this much waits for it.
const BACKLOG_LIMIT: usize = 4 << 20;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forms groups in order of arrival; of everybody when the size is 0.
pub struct Hub {
    size: usize,
    arrived: usize,
    filling: Option<Arc<Group>>,
}

impl Hub {
    pub fn new(size: usize) -> Self {
        Hub { size, arrived: 0, filling: None }
    }

    pub fn join(&mut self, stream: TcpStream) {
        if self.size > 0 && self.arrived == self.size {
            self.filling = None;
        }
        if self.filling.is_none() {
            self.arrived = 0;
        }
        self.arrived += 1;
        let group = self.filling.get_or_insert_with(Group::start).clone();
        let (reader, writer) = stream.into_split();
        let member = Arc::new(Member { writer, backlog: Mutex::default(), reading: OnceLock::new() });
        lock(&group.members).push(member.clone());
        let presence = Presence { group, member: member.clone() };
        let reading = tokio::spawn(read(reader, presence));
        let _ = member.reading.set(reading);
    }
}

#[derive(Default)]
struct Group {
    members: Mutex<Vec<Arc<Member>>>,
    log: Mutex<Vec<u8>>,
    wake: Notify,
}

impl Group {
    fn start() -> Arc<Group> {
        let group = Arc::new(Group::default());
        tokio::spawn(group.clone().flush());
        group
    }

    fn say(&self, packets: &[u8]) {
        let mut log = lock(&self.log);
        if log.is_empty() {
            self.wake.notify_one();
        }
        log.extend_from_slice(packets);
    }

    async fn flush(self: Arc<Self>) {
        let mut flying = Vec::new();
        loop {
            self.wake.notified().await;
            mem::swap(&mut flying, &mut lock(&self.log));
            for member in lock(&self.members).iter() {
                member.send(&flying);
            }
            flying.clear();
        }
    }
}

struct Member {
    writer: OwnedWriteHalf,
    backlog: Mutex<Backlog>,
    reading: OnceLock<JoinHandle<()>>,
}

/// What a socket did not take, and the task that writes it.
#[derive(Default)]
struct Backlog {
    bytes: Vec<u8>,
    draining: Option<JoinHandle<()>>,
}

impl Member {
    fn send(self: &Arc<Self>, bytes: &[u8]) {
        let mut backlog = lock(&self.backlog);
        let sent = if backlog.bytes.is_empty() { self.writer.try_write(bytes).unwrap_or(0) } else { 0 };
        if sent == bytes.len() {
            return;
        }
        if backlog.bytes.is_empty() {
            backlog.draining = Some(tokio::spawn(self.clone().drain()));
        }
        backlog.bytes.extend_from_slice(&bytes[sent..]);
        if backlog.bytes.len() > BACKLOG_LIMIT {
            // The connection closes when neither task has it.
            self.reading.get().into_iter().chain(&backlog.draining).for_each(JoinHandle::abort);
        }
    }

    /// Writes the backlog as the socket takes it, and ends when none is left.
    async fn drain(self: Arc<Self>) {
        while self.writer.writable().await.is_ok() {
            let mut backlog = lock(&self.backlog);
            match self.writer.try_write(&backlog.bytes) {
                Ok(sent) => drop(backlog.bytes.drain(..sent)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                // The reader ends with the same error.
                Err(_) => return,
            }
            if backlog.bytes.is_empty() {
                return;
            }
        }
    }
}

/// A member of a group, until its reader ends or is aborted.
struct Presence {
    group: Arc<Group>,
    member: Arc<Member>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        lock(&self.group.members).retain(|member| !Arc::ptr_eq(member, &self.member));
    }
}

async fn read(mut reader: OwnedReadHalf, presence: Presence) {
    let mut buffer = Buffer::new();
    while let Ok(count @ 1..) = reader.read(buffer.free()).await {
        let valid = buffer.received(count);
        if !buffer.whole().is_empty() {
            presence.group.say(buffer.whole());
        }
        if !valid {
            return;
        }
        buffer.drop_whole();
    }
}
