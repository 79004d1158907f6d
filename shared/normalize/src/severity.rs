//! Built-in severities: tables that a security engineer can review, one for each family of records.
//!
//! Each line is a rule. The first matching line decides; without one the severity is Informational. The tables are the
//! `.csv` files beside this file, and docs/EVENTS.md shows them. A severity stated by the product itself takes
//! precedence.

mod nouns;
mod table;

use crate::ocsf::Severity;
use std::sync::LazyLock;
use table::Table;

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident $file:literal,)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Family = Family(LazyLock::new(|| {
                // A test reads every table, so the default is never used in a release.
                Table::read(include_str!(concat!("severity/", $file))).unwrap_or_default()
            }));
        )*

        #[cfg(test)]
        const FILES: &[(&str, &str)] = &[$(($file, include_str!(concat!("severity/", $file))),)*];
    };
}

families! {
    /// By cmdlet. The fields are its parameters.
    CMDLETS "cmdlets.csv",
    /// By operation. The field `activity` is the caption of the class's activity.
    DIRECTORY "directory.csv",
    /// By the kind of right granted. The fields are `privilege` and `for all users`.
    RIGHTS "rights.csv",
    /// By operation. The fields are members of the record.
    MAILBOX "mailbox.csv",
    /// For failed sign-ins. The fields are `code` and `error`.
    SIGN_INS "sign_ins.csv",
    /// By operation, or `sharing`.
    FILES_AND_SHARING "files.csv",
    /// By the kind of finding.
    FINDINGS "findings.csv",
    /// By the kind of application.
    APPLICATIONS "applications.csv",
}

/// The table of one family.
pub(crate) struct Family(LazyLock<Table>);

impl Family {
    /// The severity of `subject`. `has` says whether a field has a value that passes the given test.
    pub(crate) fn rate(
        &self,
        subject: &str,
        has: impl Fn(&str, &dyn Fn(&str) -> bool) -> bool,
    ) -> Severity {
        self.0.rate(subject, has)
    }

    /// The severity of a subject without any fields.
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
    fn the_first_matching_line_decides() {
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
            ("UnifiedAuditLogIngestionEnabled", "False"),
            Severity::Critical,
        );
    }
}
