//! How each family of records is mapped to OCSF.
//!
//! A mapping sets the event's class, writes the class's attributes, and marks the members of the record that it has put
//! into the event. Members without a mark go to `unmapped`.

mod apps;
mod cmdlet;
mod copilot;
mod directory;
mod dlp;
mod files;
mod findings;
mod last_rule;
mod mailbox;
mod quarantine;
mod routing;
mod sharing;
mod sign_in;
mod teams;
mod verbs;

pub(crate) use dlp::computer_file;
pub(crate) use last_rule::MatchedBy;

use crate::ocsf::{Event, Severity, StatusId, endpoint, status};
use crate::record::{Record, Who, identity};
use routing::Family;

/// Writes the attributes of the record's class. Returns who acted, and how the record was recognized.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> (Who<'a>, MatchedBy) {
    if record.nameless {
        return (Who::default(), MatchedBy::Rule);
    }
    let actor = identity::actor(record);
    let mut named = None;
    let mut matched_by = MatchedBy::Rule;
    match routing::family(record) {
        Family::SignIn => sign_in::map(record, event, &actor),
        Family::Directory => directory::map(record, event),
        Family::Cmdlet => cmdlet::map(record, event, &actor),
        Family::Quarantine => quarantine::map(record, event),
        Family::Mailbox => mailbox::map(record, event, &actor),
        Family::Malware => files::malware(record, event, &actor),
        Family::Sharing => sharing::map(record, event),
        Family::File => files::map(record, event),
        Family::DataLossPrevention => named = dlp::map(record, event, &actor),
        Family::Site => files::site(record, event),
        Family::Teams => teams::map(record, event),
        Family::Alert => findings::alert(record, event),
        Family::MailThreat => {
            if !findings::mail_threat(record, event) {
                last_rule::map(record, event);
            }
        }
        Family::LinkClick => findings::link_clicked(record, event, &actor),
        Family::FileDetection => findings::file_detected(record, event, &actor),
        Family::Investigation => findings::investigation(record, event),
        Family::Risk => findings::risk(record, event, &actor),
        Family::CloudApp => findings::cloud_app(record, event, &actor),
        Family::LabelledMail => {
            if !(record.has("Sender") && apps::labelled_mail(record, event)) {
                last_rule::map(record, event);
            }
        }
        Family::Copilot => copilot::map(record, event),
        Family::Engage => apps::engage(record, event),
        Family::Application => apps::web(record, event),
        Family::Administration => apps::administration(record, event),
        Family::Other => matched_by = last_rule::map(record, event),
    }
    if event.status.is_none() {
        let status = status::general(record);
        if status.id == StatusId::Failure && !actor.is_system() {
            event.raise(Severity::Low);
        }
        event.status = Some(status);
    }
    endpoint::write_origin(record, event, &actor);
    endpoint::observe_others(record, event);
    (Who { named, actor }, matched_by)
}
