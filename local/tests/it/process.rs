//! Child processes of the binary under test.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything in these tests: a busy machine with two cores needs a few seconds.
pub(crate) const WITHIN: Duration = Duration::from_secs(120);

/// The program in the folder `folder`, without this process's environment.
pub(crate) fn ualstream(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ualstream"));
    command.current_dir(folder).args(arguments).env_clear();
    command
}

/// Runs the program to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    ualstream(folder, arguments).output().unwrap()
}

/// Standard output or error of a process, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running child, killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) fn start_piped(command: &mut Command) -> Self {
        Self::start(command.stdout(Stdio::piped()))
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Reads standard output up to a line with `part` in it. Fails if the process ends without one.
    pub(crate) fn read_to(&mut self, part: &str) -> String {
        let mut seen = String::new();
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap());
        while !seen.contains(part) {
            let before = seen.len();
            lines.read_line(&mut seen).unwrap();
            assert_ne!(seen.len(), before, "ended without {part:?}: {seen}");
        }
        seen
    }

    /// Sends Ctrl-C; returns the rest of standard output and whether the process succeeded.
    pub(crate) fn interrupt(mut self) -> (String, bool) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        if let Some(out) = &mut self.0.stdout {
            out.read_to_string(&mut rest).unwrap();
        }
        let end = Instant::now() + WITHIN;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return (rest, status.success());
            }
            assert!(Instant::now() < end, "not ended after Ctrl-C");
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
