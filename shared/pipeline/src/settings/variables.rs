//! Reading variables one by one, and collecting what is wrong with them.

use std::fmt::{self, Display};
use std::str::FromStr;

/// All that is wrong with the environment, one line per variable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    faults: Vec<String>,
}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settings cannot be used: {}", self.faults.join("; "))
    }
}

/// The variables of one function, and what was found wrong with them.
pub(super) struct Variables<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    pub(super) faults: Vec<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            get,
            faults: Vec::new(),
        }
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        (self.get)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        let value = self.value(name);
        if value.is_none() {
            self.faults.push(format!("{name} is not set"));
        }
        value
    }

    pub(super) fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match self.value(name)?.parse() {
            Ok(value) => Some(value),
            Err(why) => {
                self.faults.push(format!("{name} {why}"));
                None
            }
        }
    }

    pub(super) fn parsed<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.required(name)?;
        self.optional(name)
    }

    /// `on` or `off`.
    pub(super) fn switch(&mut self, name: &str, default: bool) -> bool {
        match self.value(name).as_deref() {
            None => default,
            Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.faults.push(format!("{name} must be on or off"));
                default
            }
        }
    }

    /// The settings, unless an optional one was malformed.
    pub(super) fn finish<T>(self, settings: T) -> Result<T, SettingsError> {
        if self.faults.is_empty() {
            Ok(settings)
        } else {
            Err(self.failed())
        }
    }

    pub(super) fn failed(self) -> SettingsError {
        SettingsError {
            faults: self.faults,
        }
    }
}
