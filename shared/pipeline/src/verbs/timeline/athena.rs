//! The same search as a query for Athena.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Filter;
use crate::clock::later;
use crate::content::event::Kind;

/// How long after the period content may still become available that has events of it.
const LATE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Rows of the query's answer.
const ROWS_MAX: u32 = 1_000;

/// What an answer has.
const COLUMNS: &str = "time_dt, actor.\"user\".name AS who, metadata.event_code AS operation, \
    src_endpoint.ip AS address, class_name, severity, status, message";

/// A query over `table` (as `database.table`) for what the filter asks in this period. It differs from the timeline in two
/// things: a record that is dated later than it became available counts as it is dated, and free text is looked for in the
/// message and in what has no column.
#[must_use]
pub fn athena_sql(table: &str, filter: &Filter, (from, to): (Timestamp, Timestamp)) -> String {
    let mut all = vec![
        format!("day >= {}", day(from)),
        format!("day <= {}", day(later(to, LATE))),
        format!("\"time\" >= {}", from.as_millisecond()),
        format!("\"time\" < {}", to.as_millisecond()),
        // Not by an attribute: a record need not name its organization.
        format!("\"$path\" LIKE '%/tenant_id={}/%'", filter.tenant),
    ];
    let wanted = &filter.wanted;
    for term in &wanted.terms {
        let value = text(term.text());
        let is = |column: &str| format!("lower({column}) = {value}");
        all.push(match term.kind() {
            Kind::User => any(&[
                is("actor.\"user\".name"),
                is("actor.\"user\".email_addr"),
                is("actor.\"user\".uid"),
                is("actor.\"user\".uid_alt"),
                is("\"user\".name"),
                is("\"user\".email_addr"),
                is("\"user\".uid"),
                is("\"user\".uid_alt"),
                format!(
                    "any_match(evidences, one -> lower(one.actor.\"user\".name) = {value} \
                     OR lower(one.\"user\".name) = {value})"
                ),
            ]),
            Kind::Address => any(&[
                is("src_endpoint.ip"),
                format!("any_match(evidences, one -> lower(one.src_endpoint.ip) = {value})"),
            ]),
            Kind::Operation => {
                format!("regexp_replace(lower(metadata.event_code), '[. ]+$', '') = {value}")
            }
            Kind::Session => any(&[is("actor.session.uid"), is("session.uid")]),
        });
    }
    if let Some(class) = &wanted.class {
        all.push(match class.trim().parse::<u32>() {
            Ok(uid) => format!("class_uid = {uid}"),
            Err(_) => format!("lower(class_name) = {}", text(&class.trim().to_lowercase())),
        });
    }
    if !wanted.severities.is_empty() {
        let of: Vec<String> = wanted.severities.iter().map(u32::to_string).collect();
        all.push(format!("severity_id IN ({})", of.join(", ")));
    }
    if let Some(free) = &wanted.text {
        let value = text(&free.to_lowercase());
        let has = |column: &str| format!("strpos(lower({column}), {value}) > 0");
        all.push(any(&[has("message"), has("unmapped")]));
    }
    format!(
        "SELECT {COLUMNS}\nFROM {table}\nWHERE {}\nORDER BY \"time\" DESC\nLIMIT {ROWS_MAX}",
        all.join("\n  AND ")
    )
}

fn any(of: &[String]) -> String {
    format!("({})", of.join(" OR "))
}

/// A text as SQL writes it: within it, only the quotation mark means something.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn day(at: Timestamp) -> String {
    text(&at.to_zoned(TimeZone::UTC).date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::event::Wanted;

    fn sql(ask: impl FnOnce(&mut Wanted)) -> String {
        let mut wanted = Wanted::default();
        ask(&mut wanted);
        let filter = Filter {
            tenant: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            from: None,
            to: None,
            wanted,
        };
        let at = |text: &str| text.parse().unwrap();
        let period = (at("2026-03-01T10:00:00Z"), at("2026-03-02T10:00:00Z"));
        athena_sql("lake.events", &filter, period)
    }

    #[test]
    fn a_query_names_its_days_and_its_tenant() {
        let sql = sql(|_| ());
        for part in [
            "FROM lake.events",
            "day >= '2026-03-01'",
            "day <= '2026-03-09'",
            "\"time\" >= 1772359200000",
            "LIKE '%/tenant_id=11111111-2222-4333-8444-555555555555/%'",
        ] {
            assert!(sql.contains(part), "{sql}");
        }
    }

    #[test]
    fn no_text_can_leave_its_quotation_marks() {
        let hostile = "'; DROP TABLE events; --\\'";
        let sql = sql(|of| {
            of.ask_for(Kind::User, hostile);
            of.ask_for(Kind::Address, hostile);
            of.ask_for(Kind::Operation, hostile);
            of.ask_for(Kind::Session, hostile);
            of.class = Some(hostile.to_owned());
            of.text = Some(hostile.to_owned());
        });
        let outside: Vec<&str> = sql.split('\'').step_by(2).collect();
        assert_eq!(sql.matches('\'').count() % 2, 0);
        assert!(!outside.concat().contains("DROP"), "{sql}");
        assert!(!outside.concat().contains("drop"), "{sql}");
    }
}
