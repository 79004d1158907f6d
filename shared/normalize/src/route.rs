//! Which rule a record goes to. The first that fits wins; an operation's name counts for more than a record's type.

use crate::event::Event;
use crate::identity::{self, Actor};
use crate::record::Record;
use crate::{api, envelope, signin};

/// Writes the attributes of the record's class, and says who acted.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>) -> String {
    if record.nameless {
        return identity::shown(record.text("UserId").as_ref());
    }
    let actor = identity::actor(record);
    by_rule(record, event, &actor);
    envelope::write_origin(record, event, &actor);
    identity::shown(actor.user.name.as_ref().or(actor.user.uid.as_ref()))
}

fn by_rule<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let op = &*record.op;
    let record_type = record.record_type.unwrap_or(-1);
    if matches!(
        op,
        "userloggedin"
            | "userloginfailed"
            | "userloggedoff"
            | "mailboxlogin"
            | "teamssessionstarted"
            | "signinevent"
    ) || matches!(record_type, 9 | 15 | 275)
    {
        return signin::map(record, event, actor);
    }
    api::map(record, event);
}
