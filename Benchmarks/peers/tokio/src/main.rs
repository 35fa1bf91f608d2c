// SPDX-License-Identifier: Apache-2.0

//! The peer of tokio: echo, packets and broadcast, one task for each connection.
//!
//!     tokio-peer [--port N] [--mode echo|packet|broadcast] [--group G] [--threads N]
//!
//! One thread is the current-thread runtime, more of them the multi-thread one.

mod broadcast;
mod packets;

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

struct Options {
    port: u16,
    mode: String,
    group: usize,
    threads: usize,
}

fn options() -> Option<Options> {
    let mut options = Options { port: 0, mode: "echo".into(), group: 10, threads: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next()?;
        match name.as_str() {
            "--port" => options.port = value.parse().ok()?,
            "--mode" if ["echo", "packet", "broadcast"].contains(&value.as_str()) => options.mode = value,
            "--group" => options.group = value.parse().ok()?,
            "--threads" => options.threads = value.parse().ok().filter(|&count| count > 0)?,
            _ => return None,
        }
    }
    Some(options)
}

async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; packets::FIRST_BUFFER];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Writes runs of whole packets straight from the buffer that was read into.
async fn echo_packets(mut stream: TcpStream) {
    let mut buffer = packets::Buffer::new();
    while let Ok(count @ 1..) = stream.read(buffer.free()).await {
        let valid = buffer.received(count);
        if stream.write_all(buffer.whole()).await.is_err() || !valid {
            return;
        }
        buffer.drop_whole();
    }
}

async fn serve(options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    println!("listening {}\nready", listener.local_addr()?);
    let mut hub = broadcast::Hub::new(options.group);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        match options.mode.as_str() {
            "packet" => drop(tokio::spawn(echo_packets(stream))),
            "broadcast" => hub.join(stream),
            _ => drop(tokio::spawn(echo(stream))),
        }
    }
}

fn main() -> io::Result<()> {
    let Some(options) = options() else {
        eprintln!("usage: tokio-peer [--port N] [--mode echo|packet|broadcast] [--group G] [--threads N]");
        std::process::exit(64);
    };
    let runtime = match options.threads {
        1 => Builder::new_current_thread().enable_io().build()?,
        count => Builder::new_multi_thread().worker_threads(count).enable_io().build()?,
    };
    // A task of its own: what is given to block_on itself runs beside the scheduler.
    runtime.block_on(async { tokio::spawn(serve(options)).await })?
}
