//! Measures a cold start: from the start of a bootstrap's process to its first poll of the Lambda Runtime API.
//!
//! ```sh
//! sam build --parameter-overrides Architecture=x86_64
//! cargo run --release -p tests --bin first_poll -- .aws-sam/build/*/bootstrap
//! ```
//!
//! Prints the size, the median and the slowest of 20 starts of each bootstrap.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Enough for a median that varies by less than a millisecond.
const STARTS: usize = 20;

/// Longest start. A slower one counts as failed.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between checks for a connection; far shorter than the times measured.
const LOOK_EVERY: Duration = Duration::from_micros(50);

/// Settings of the right form. Nothing is called before the first event.
const ENVIRONMENT: [(&str, &str); 15] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("TABLE_NAME", "table"),
    ("QUEUE_URL", "http://127.0.0.1:9/1/queue"),
    ("LAKE_URL", "s3://lake"),
    ("LAKE_REGION", "eu-west-1"),
    ("LAKE_ACCOUNT_ID", "000000000000"),
    ("FIREHOSE_STREAM", "stream"),
    ("WEBHOOK_BASE_URL", "https://hooks.example/"),
    ("CLIENT_ID", "6f7c5e2a-93a9-4a40-9d6a-6f9c7d3f0b11"),
    ("PUBLISHER_ID", "6f7c5e2a-93a9-4a40-9d6a-6f9c7d3f0b11"),
    (
        "APP_SECRET_ARN",
        "arn:aws:secretsmanager:eu-central-1:1:secret:app",
    ),
    (
        "WEBHOOK_KEY_SECRET_ARN",
        "arn:aws:secretsmanager:eu-central-1:1:secret:hook",
    ),
    (
        "API_KEY_SECRET_ARN",
        "arn:aws:secretsmanager:eu-central-1:1:secret:api",
    ),
];

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>9}  {:>9}  {:>9}  bootstrap",
        "bytes", "median ms", "max ms"
    )?;
    for path in std::env::args().skip(1) {
        let size_bytes = std::fs::metadata(&path)?.len();
        let mut starts = (0..STARTS)
            .map(|_| start(Path::new(&path)))
            .collect::<io::Result<Vec<_>>>()?;
        starts.sort();
        let ms = |of: Option<&Duration>| of.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
        let (median, slowest) = (ms(starts.get(STARTS / 2)), ms(starts.last()));
        writeln!(
            out,
            "{size_bytes:>9}  {median:>9.1}  {slowest:>9.1}  {path}"
        )?;
    }
    Ok(())
}

/// Starts a bootstrap once and returns the time until it asks for its first event.
fn start(bootstrap: &Path) -> io::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let began = Instant::now();
    let mut child = Command::new(bootstrap)
        .env_clear()
        .envs(ENVIRONMENT)
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "function")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let polled = first_poll(&listener, began);
    child.kill()?;
    child.wait()?;
    polled
}

fn first_poll(listener: &TcpListener, began: Instant) -> io::Result<Duration> {
    while began.elapsed() < START_TIMEOUT {
        match listener.accept() {
            Ok((mut connection, _)) => {
                connection.set_nonblocking(false)?;
                connection.set_read_timeout(Some(START_TIMEOUT))?;
                // The first bytes hold the request line: "GET /2018-06-01/runtime/invocation/next".
                let mut line = [0; 64];
                let read = connection.read(&mut line)?;
                let asked =
                    String::from_utf8_lossy(line.get(..read).unwrap_or_default()).into_owned();
                let took = began.elapsed();
                return if asked.contains("/next") {
                    Ok(took)
                } else {
                    Err(io::Error::other(asked))
                };
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(
        "no poll within 10 s: does it end at its start?",
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measuring program without futures: spinning would take the core it measures"
)]
fn wait() {
    std::thread::sleep(LOOK_EVERY);
}
