//! Log lines: JSON on Lambda, one event a line, fields with dotted names (`tenant.id`); text at a terminal.
//!
//! Nothing that came from outside is logged as it came: ids are parsed first, texts cut and escaped by the JSON writer.
//! Never a token, a key, an authId or a record.

use tracing_subscriber::EnvFilter;

/// Everything of ours from `info` up, of the libraries only warnings.
const DEFAULT_FILTER: &str = "warn,pipeline=info,office365=info,local=info,emulator=warn";

/// Starts JSON logging to standard output, as CloudWatch Logs takes it. `level` is the value of `LOG_LEVEL`, an
/// `EnvFilter` directive list such as `debug` or `pipeline=debug`; one that cannot be read counts as absent.
pub fn init_json(level: Option<&str>) {
    let filter = level
        .filter(|level| !level.is_empty())
        .and_then(|level| EnvFilter::try_new(level).ok())
        .unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    // A second call (in tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init();
}
