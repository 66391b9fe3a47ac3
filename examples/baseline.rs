//! The least an upload can cost: `pread` and `send`, nothing else. It sends a file in parts as
//! plain HTTP PUTs over a number of sockets, a thread each, and prints what that took as JSON:
//! the yardstick for `scripts/bench`. No signing, no checksums, no retries; Linux only.
//!
//! ```text
//! baseline FILE HOST:PORT --part-size 16MiB --connections 8
//! ```
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures")]

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;

/// Bytes read and sent at a time: what libcurl's upload buffer holds by default here.
const BUFFER: usize = 256 * 1024;
/// `_SC_CLK_TCK`, which Linux fixes at 100 for what it tells programs.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Parser)]
struct Arguments {
    /// The file to send.
    file: PathBuf,
    /// Where to send it.
    address: String,
    /// Bytes of a part, such as 16MiB.
    #[arg(long, default_value = "16MiB", value_parser = size)]
    part_size: u64,
    /// Sockets, each with a thread.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// The bucket that the paths name.
    #[arg(long, default_value = "lab")]
    bucket: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let file = File::open(&arguments.file)?;
    let length = file.metadata()?.len();
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let work = || sender(&arguments, &file, length, &next);
        let senders: Vec<_> = (0..arguments.connections).map(|_| scope.spawn(work)).collect();
        senders.into_iter().try_for_each(|sender| sender.join().expect("a sender does not panic"))
    })?;
    let wall = begun.elapsed().as_secs_f64();
    let (user, system) = cpu_seconds()?;
    let peak = peak_resident_kib()?;
    println!(
        r#"{{"bytes":{length},"wall_s":{wall:.3},"user_s":{user:.2},"sys_s":{system:.2},"cpu_s":{:.2},"peak_rss_kib":{peak}}}"#,
        user + system
    );
    Ok(())
}

/// Sends parts over one connection until none is left.
fn sender(arguments: &Arguments, file: &File, length: u64, next: &AtomicU64) -> io::Result<()> {
    let stream = TcpStream::connect(&arguments.address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut buffer = vec![0; BUFFER];
    loop {
        let part = next.fetch_add(1, Ordering::Relaxed);
        let start = part * arguments.part_size;
        if start >= length {
            return Ok(());
        }
        let end = length.min(start + arguments.part_size);
        write!(
            stream,
            "PUT /{}/baseline?partNumber={} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            arguments.bucket,
            part + 1,
            arguments.address,
            end - start
        )?;
        send_range(&mut stream, file, start, end, &mut buffer)?;
        read_answer(&mut answers)?;
    }
}

fn send_range(
    stream: &mut TcpStream,
    file: &File,
    start: u64,
    end: u64,
    buffer: &mut [u8],
) -> io::Result<()> {
    let mut at = start;
    while at < end {
        let most = (end - at).min(buffer.len() as u64) as usize;
        let count = file.read_at(&mut buffer[..most], at)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        stream.write_all(&buffer[..count])?;
        at += count as u64;
    }
    Ok(())
}

/// Reads one answer with its body; any but 200 is an error.
fn read_answer(answers: &mut impl BufRead) -> io::Result<()> {
    let mut status = String::new();
    answers.read_line(&mut status)?;
    let mut body = 0;
    loop {
        let mut line = String::new();
        if answers.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no whole answer came"));
        }
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            body = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    io::copy(&mut answers.take(body), &mut io::sink())?;
    if status.split_ascii_whitespace().nth(1) == Some("200") {
        Ok(())
    } else {
        Err(io::Error::other(format!("the server answered {status:?}")))
    }
}

/// User and system seconds of this process, threads that ended included (proc(5), `stat`).
fn cpu_seconds() -> Result<(f64, f64), Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, behind_name) = stat.rsplit_once(')').ok_or("no process name in /proc/self/stat")?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let mut seconds = || -> Result<f64, Box<dyn Error>> {
        Ok(fields.next().ok_or("no CPU time in /proc/self/stat")?.parse::<f64>()?
            / TICKS_PER_SECOND)
    };
    Ok((seconds()?, seconds()?))
}

/// The most memory that was resident, KiB (proc(5), `status`).
fn peak_resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next());
    Ok(number.ok_or("no VmHWM in /proc/self/status")?.parse()?)
}

/// `16MiB`, `16MB`, `16M` and `16777216` are the same, as in curlift.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        unit => return Err(format!("{unit:?} is no unit of size; use KiB, MiB or GiB")),
    };
    match digits.parse::<u64>() {
        Ok(number) if number > 0 => Ok(number << shift),
        _ => Err(format!("{text:?} is no size; write it as 16MiB")),
    }
}
