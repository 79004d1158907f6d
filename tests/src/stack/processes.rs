//! The processes of the deployed functions, which ministack starts from their bootstraps. Linux alone: the bootstraps are.

use std::time::Duration;

use tokio::process::Command;

use super::Stack;
use crate::{Outcome, tools};

/// For one `kill`. It starts at once, but the machine may be busy.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// What ministack logs behind the name of a function of an invocation whose process ended before its answer.
const DIED_AT_WORK: &str = "Runtime exited before returning a response";

impl Stack {
    /// The ids of a function's processes, by the output that names it.
    ///
    /// # Errors
    /// The system does not tell which processes there are.
    pub fn processes(&self, output: &str) -> Outcome<Vec<u32>> {
        let function = format!("AWS_LAMBDA_FUNCTION_NAME={}", self.output(output)?);
        // Stacks of other tests have functions of the same name.
        let here = format!("AWS_ENDPOINT_URL={}", self.ministack.endpoint());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let entry = entry?;
            let id = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            let environment = std::fs::read(entry.path().join("environ"));
            // What is no process, has ended meanwhile or is another user's is none of ours.
            let (Some(id), Ok(environment)) = (id, environment) else {
                continue;
            };
            let has = |line: &str| {
                let mut lines = environment.split(|byte| *byte == 0);
                lines.any(|of| of == line.as_bytes())
            };
            if has(&function) && has(&here) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Kills one of these processes, so that it has no time for anything.
    ///
    /// # Errors
    /// It is gone already, or there is no `kill`.
    pub async fn kill(&self, process: u32) -> Outcome<()> {
        let mut kill = Command::new("kill");
        kill.args(["-KILL", &process.to_string()]);
        tools::run(&mut kill, KILL_TIMEOUT).await.map(drop)
    }

    /// How many invocations of a function have ended with their process.
    ///
    /// # Errors
    /// There is no such output.
    pub fn died_at_work(&self, output: &str) -> Outcome<usize> {
        let line = format!("Lambda {}: {DIED_AT_WORK}", self.output(output)?);
        Ok(self.ministack.log().matches(&line).count())
    }
}
