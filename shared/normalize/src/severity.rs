//! How much attention an event deserves: tables that a security engineer can review, one for each family of records.
//!
//! Each line is a rule; the first that fits decides, and what no line fits stays Informational. The tables are the `.csv`
//! files beside this one, docs/EVENTS.md shows them. Where a product states a severity itself, that one counts instead.

mod table;

use crate::ocsf::Severity;
use std::sync::LazyLock;
use table::Table;

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident $file:literal,)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Family = Family(LazyLock::new(|| {
                // A test reads every table: none is empty in a release.
                Table::read(include_str!(concat!("severity/", $file))).unwrap_or_default()
            }));
        )*

        #[cfg(test)]
        const FILES: &[(&str, &str)] = &[$(($file, include_str!(concat!("severity/", $file))),)*];
    };
}

families! {
    /// By the cmdlet; fields are its parameters.
    CMDLETS "cmdlets.csv",
    /// By the operation; the field `activity` is the class's.
    DIRECTORY "directory.csv",
    /// By the kind of right that is given; fields are `privilege` and `for all users`.
    RIGHTS "rights.csv",
    /// By the operation; fields are the record's.
    MAILBOX "mailbox.csv",
    /// Of failures; fields are `code` and `error`.
    SIGN_INS "sign_ins.csv",
    /// By the operation, or `sharing`.
    FILES_AND_SHARING "files.csv",
    /// By what was found.
    FINDINGS "findings.csv",
    /// By the kind of application.
    APPLICATIONS "applications.csv",
}

/// The table of one family.
pub(crate) struct Family(LazyLock<Table>);

impl Family {
    /// The severity of `subject`. `has` says whether a field has a value for which the given test holds.
    pub(crate) fn rate(
        &self,
        subject: &str,
        has: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool,
    ) -> Severity {
        self.0.rate(subject, has)
    }

    /// The severity of a subject of which nothing more is known.
    pub(crate) fn rate_alone(&self, subject: &str) -> Severity {
        self.rate(subject, |_, _| false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_read() {
        for (file, text) in FILES {
            if let Err(error) = Table::read(text) {
                panic!("{file}: {error}");
            }
        }
    }

    #[test]
    fn the_first_line_that_fits_decides() {
        let check = |cmdlet: &str, parameter: (&str, &str), expect: Severity| {
            let has =
                |name: &str, test: &dyn Fn(&str) -> bool| name == parameter.0 && test(parameter.1);
            assert_eq!(CMDLETS.rate(cmdlet, has), expect, "{cmdlet} {parameter:?}");
        };
        check(
            "new-inboxrule",
            ("ForwardTo", "a@b.example"),
            Severity::High,
        );
        check("new-inboxrule", ("DeleteMessage", "True"), Severity::Medium);
        check("new-inboxrule", ("DeleteMessage", "False"), Severity::Low);
        check(
            "get-inboxrule",
            ("ForwardTo", "a@b.example"),
            Severity::Informational,
        );
        check(
            "set-adminauditlogconfig",
            ("UnifiedAuditLogIngestionEnabled", "$false"),
            Severity::Critical,
        );
    }
}
