//! Progress of long work, drawn on standard error while somebody looks at it there.
//!
//! A script, or a log, gets lines instead: a bar that is not on a terminal is hidden, and then the command prints.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two steps of the hand that shows that the program lives.
const STEP_EVERY: Duration = Duration::from_millis(100);

const BAR: &str = "{spinner} {bar:30} {pos} of {len} {msg} ({elapsed})";

const WAITING: &str = "{spinner} {msg} ({elapsed})";

/// A bar for work that has an end. Its numbers are set with `set_length`, `set_position` and `set_message`.
pub(super) fn bar() -> ProgressBar {
    styled(ProgressBar::new(0), BAR)
}

/// For waiting, of which nobody knows how long it takes: what is waited for is set with `set_message`.
pub(super) fn waiting() -> ProgressBar {
    styled(ProgressBar::no_length(), WAITING)
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(STEP_EVERY);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_can_be_read() {
        for template in [BAR, WAITING] {
            let read = ProgressStyle::with_template(template);
            assert!(read.is_ok(), "{template}");
        }
    }

    #[test]
    fn nothing_is_drawn_into_a_log() {
        // Tests have no terminal.
        assert!(bar().is_hidden() && waiting().is_hidden());
    }
}
