//! Administrators' cmdlets: Exchange, Security & Compliance, Skype, Teams (record types 1, 10, 18, 23, 57).

use crate::api;
use crate::class::Class;
use crate::event::{Event, Kind, Severity};
use crate::identity::{Actor, User, email_domain};
use crate::json::{Value, Writer};
use crate::record::{Record, is_noise};
use crate::resource::Resource;
use crate::verbs::{self, Verb};
use std::borrow::Cow;

/// Nouns of cmdlets that grant rights on a mailbox or a folder.
const PERMISSION_NOUNS: &[&str] = &[
    "mailboxfolderpermission",
    "mailboxpermission",
    "publicfolderclientpermission",
    "recipientpermission",
];

/// Nouns of cmdlets that change who is in a group.
const MEMBER_NOUNS: &[&str] = &[
    "compliancecasemember",
    "distributiongroupmember",
    "ediscoverycaseadmin",
    "rolegroupmember",
    "unifiedgrouplinks",
];

/// Rights that let their holder read all of a mailbox or speak in its name.
const STRONG_RIGHTS: [&str; 2] = ["FullAccess", "SendAs"];

/// Parameters that send mail elsewhere.
const FORWARD_PARAMETERS: &[&str] = &[
    "AddToRecipients",
    "BlindCopyTo",
    "CopyTo",
    "ForwardAsAttachmentTo",
    "ForwardTo",
    "ForwardingAddress",
    "ForwardingSmtpAddress",
    "RedirectMessageTo",
    "RedirectTo",
];

/// Nouns whose removal takes protection away.
const PROTECTION_NOUNS: &[&str] = &[
    "antiphishpolicy",
    "antiphishrule",
    "dlpcompliancepolicy",
    "dlpcompliancerule",
    "dlppolicy",
    "hostedcontentfilterpolicy",
    "hostedcontentfilterrule",
    "malwarefilterpolicy",
    "malwarefilterrule",
    "protectionalert",
    "retentioncompliancepolicy",
    "retentioncompliancerule",
    "safeattachmentpolicy",
    "safeattachmentrule",
    "safelinkspolicy",
    "safelinksrule",
];

/// A cmdlet's name in its two parts, lower case, and its parameters.
struct Cmdlet<'r, 'a> {
    verb: &'r str,
    noun: &'r str,
    parameters: Option<Value<'a>>,
}

impl<'a> Cmdlet<'_, 'a> {
    /// A parameter's value. Security & Compliance writes all of them as one string: `-Name "value" -Switch "True"`.
    fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let parameters = self.parameters?;
        match parameters.str() {
            Some(line) => line_parameter(&line, name).map(|value| Cow::Owned(value.to_owned())),
            None => crate::name_values::property(parameters, name),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    fn is(&self, name: &str, expect: &str) -> bool {
        self.parameter(name)
            .is_some_and(|value| value.trim_start_matches('$').eq_ignore_ascii_case(expect))
    }
}

/// The value after `-name` in a command line. What stands in quotes is never a name.
fn line_parameter<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = word(rest);
        let value = match word.strip_prefix('-') {
            Some(switch) if switch.eq_ignore_ascii_case(name) => self::word(after).0,
            // `-Name:value`
            Some(switch) => match switch.split_once(':') {
                Some((switch, value)) if switch.eq_ignore_ascii_case(name) => value,
                _ => "",
            },
            None => "",
        };
        let value = value.trim_matches('"');
        if !value.starts_with('-') && !is_noise(value) {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The first word of a line, with its quotes, and what follows it.
fn word(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = line.find(|character: char| {
        quoted ^= character == '"';
        !quoted && character == ' '
    });
    let (word, rest) = line.split_at(end.unwrap_or(line.len()));
    (word, rest.trim_start())
}

/// Maps a cmdlet.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let (verb, noun) = record.op.split_once('-').unwrap_or(("", &record.op));
    let cmdlet = Cmdlet {
        verb,
        noun,
        parameters: record.get("Parameters"),
    };
    let mapped = match noun {
        noun if PERMISSION_NOUNS.contains(&noun) => permission(record, event, &cmdlet),
        "managementroleassignment" => role_assignment(event, &cmdlet),
        noun if MEMBER_NOUNS.contains(&noun) => member(event, &cmdlet),
        "mailbox" | "mailuser" => mailbox(record, event, &cmdlet),
        _ => false,
    };
    if !mapped {
        call(record, event, &cmdlet);
    }
    api::write_api_with(record, event, |w| write_parameters(w, cmdlet.parameters));
    if actor.is_system() {
        // Most of the cmdlets of a feed: the service at its own work.
        event.severity = Severity::Informational;
        return;
    }
    event.raise(rate(&cmdlet));
}

fn permission<'a>(record: &Record<'a>, event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "add" | "set" => 1,
        "remove" => 2,
        _ => return false,
    };
    let Some(user) = cmdlet
        .parameter("User")
        .or_else(|| cmdlet.parameter("Trustee"))
    else {
        return false;
    };
    let rights = cmdlet.parameter("AccessRights").unwrap_or_default();
    let mut rights: Vec<&str> = rights
        .split(',')
        .map(str::trim)
        .filter(|right| !right.is_empty())
        .collect();
    if rights.is_empty() && activity == 2 {
        // The cmdlets for folders take away whatever the user had.
        rights.push("(unspecified permission)");
    }
    if rights.is_empty() {
        return false;
    }
    event.is(Class::UserAccess, activity);
    let resource = target(record, cmdlet, "Mailbox");
    write_grantee(event, user, USER);
    let w = &mut event.body;
    w.texts("privileges", &rights);
    w.array("resources", |w| {
        w.element_object(|w| resource.write(w, |_| ()));
    });
    if activity == 1
        && STRONG_RIGHTS
            .iter()
            .any(|strong| rights.iter().any(|right| right.contains(strong)))
    {
        event.raise(Severity::Medium);
    }
    true
}

fn role_assignment<'a>(event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "new" => 1,
        "remove" => 2,
        _ => return false,
    };
    let grantees = [
        ("User", USER),
        ("SecurityGroup", (99, "Group")),
        ("Computer", (99, "Computer")),
        ("App", (4, "Service")),
    ];
    let grantee = grantees
        .iter()
        .find_map(|(name, kind)| Some((cmdlet.parameter(name)?, *kind)));
    let (Some((grantee, kind)), Some(role)) = (grantee, cmdlet.parameter("Role")) else {
        return false;
    };
    event.is(Class::UserAccess, activity);
    write_grantee(event, grantee, kind);
    event.body.array("privileges", |w| w.element_text(&role));
    if activity == 1 {
        event.raise(Severity::Medium);
    }
    true
}

fn member<'a>(event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "add" | "update" => 3,
        "remove" => 4,
        _ => return false,
    };
    let group = match cmdlet.noun {
        "ediscoverycaseadmin" => Some(Cow::Borrowed("eDiscovery Administrators")),
        "compliancecasemember" => cmdlet.parameter("Case"),
        _ => cmdlet.parameter("Identity"),
    };
    let Some(group) = group else { return false };
    let user = ["Member", "Members", "Links", "User"]
        .iter()
        .find_map(|name| cmdlet.parameter(name));
    event.is(Class::GroupManagement, activity);
    if cmdlet.noun == "rolegroupmember" {
        let highest = group.eq_ignore_ascii_case("Organization Management");
        event.raise(if highest {
            Severity::High
        } else {
            Severity::Medium
        });
    }
    event.body.object("group", |w| w.text("name", &group));
    if let Some(users) = user {
        // One record, one event: the first member is its user, all of them are in `api.request.data`.
        let first = users.split(';').next().unwrap_or_default().trim();
        write_grantee(event, Cow::Owned(first.to_owned()), USER);
    }
    true
}

fn mailbox<'a>(record: &Record<'a>, event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "new" => 1,
        "enable" => 2,
        "disable" => 5,
        "remove" => 6,
        _ => return false,
    };
    let name = ["MicrosoftOnlineServicesID", "Name", "Identity"]
        .iter()
        .find_map(|name| cmdlet.parameter(name));
    let Some(name) = name.or_else(|| record.take("ObjectId")) else {
        return false;
    };
    event.is(Class::AccountChange, activity);
    write_grantee(event, name, USER);
    true
}

/// type_id of a user, and its caption.
const USER: (u8, &str) = (1, "User");

fn write_grantee<'a>(event: &mut Event<'a>, name: Cow<'a, str>, kind: (u8, &'static str)) {
    let user = User {
        kind: Some((kind.0, Cow::Borrowed(kind.1))),
        ..User::named(name)
    };
    event.body.object("user", |w| user.write(w));
}

/// The object of the cmdlet: its Identity or Name, and the directory's name for it.
fn target<'a>(record: &Record<'a>, cmdlet: &Cmdlet<'_, 'a>, kind: &str) -> Resource<'a> {
    let object = record.take("ObjectId");
    let name = cmdlet
        .parameter("Identity")
        .or_else(|| cmdlet.parameter("Name"))
        .or_else(|| object.clone());
    let uid = object.filter(|object| Some(object) != name.as_ref());
    Resource::target(kind.to_owned(), name, uid)
}

/// Any other cmdlet: a call of the service's interface.
fn call<'a>(record: &Record<'a>, event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) {
    let activity = match cmdlet.verb {
        "new" | "add" | "install" | "start" | "create" | "import" | "register" => 1,
        "get" | "search" | "test" | "export" | "validate" | "compare" => 2,
        "set" | "update" | "enable" | "disable" | "move" | "resume" | "suspend" | "stop"
        | "release" | "undo" | "grant" | "invoke" => 3,
        "remove" | "uninstall" | "clear" | "delete" | "unregister" => 4,
        _ => verbs::of(&record.op).map_or(99, Verb::crud),
    };
    event.is(Class::ApiActivity, activity);
    let operation = record.operation.as_deref().unwrap_or_default().trim();
    let noun = operation
        .split_once('-')
        .map_or(operation, |(_, noun)| noun);
    let resource = target(record, cmdlet, noun);
    event.body.array("resources", |w| {
        w.element_object(|w| resource.write(w, |_| ()));
    });
    for name in FORWARD_PARAMETERS {
        let Some(address) = cmdlet.parameter(name) else {
            continue;
        };
        for address in address
            .split([',', ';'])
            .map(|address| address.trim().trim_start_matches("smtp:"))
        {
            if email_domain(address).is_some() {
                event.observe("api.request.data", Kind::EmailAddress, address.to_owned());
            }
        }
    }
}

fn write_parameters(w: &mut Writer, parameters: Option<Value<'_>>) {
    let Some(parameters) = parameters.filter(|parameters| !parameters.is_blank()) else {
        return;
    };
    if !crate::name_values::write(w, "data", parameters) {
        w.object("data", |w| w.value("Parameters", parameters));
    }
    parameters.mark_used();
}

/// How much attention the cmdlet deserves.
fn rate(cmdlet: &Cmdlet<'_, '_>) -> Severity {
    let forwards = || FORWARD_PARAMETERS.iter().any(|name| cmdlet.has(name));
    let changes = matches!(cmdlet.verb, "new" | "set" | "enable");
    match cmdlet.noun {
        "inboxrule" if changes && forwards() => Severity::High,
        "inboxrule"
            if changes && (cmdlet.has("MoveToFolder") || cmdlet.is("DeleteMessage", "True")) =>
        {
            Severity::Medium
        }
        "inboxrule" if changes => Severity::Low,
        "transportrule" if forwards() => Severity::High,
        "transportrule" if cmdlet.verb != "get" => Severity::Medium,
        "mailbox" if cmdlet.verb == "set" && (forwards() || cmdlet.is("AuditEnabled", "False")) => {
            Severity::High
        }
        "remotedomain" if cmdlet.is("AutoForwardEnabled", "True") => Severity::High,
        "mailboxauditbypassassociation" if cmdlet.verb == "set" => Severity::High,
        "unifiedauditlogretentionpolicy" if cmdlet.verb == "remove" => Severity::High,
        // The audit log itself is switched off: the collector goes blind.
        "adminauditlogconfig" if cmdlet.is("UnifiedAuditLogIngestionEnabled", "False") => {
            Severity::Critical
        }
        "compliancesearchaction"
            if cmdlet.verb == "new" && (cmdlet.has("Purge") || cmdlet.has("Export")) =>
        {
            Severity::High
        }
        "compliancesearchaction" if cmdlet.verb == "new" => Severity::Medium,
        "inboundconnector" | "outboundconnector" | "journalrule" if cmdlet.verb != "get" => {
            Severity::Medium
        }
        // Whole mailboxes leave or arrive.
        "migrationbatch" if cmdlet.verb == "new" => Severity::Low,
        noun if cmdlet.verb == "remove" && PROTECTION_NOUNS.contains(&noun) => Severity::Medium,
        _ => Severity::Informational,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters_from_a_command_line() {
        let check = |line: &str, name: &str, expect: Option<&str>| {
            assert_eq!(line_parameter(line, name), expect, "{line}");
        };
        check(
            r#"-SearchName "Search1" -Purge "True""#,
            "Purge",
            Some("True"),
        );
        check(r#"-SearchName "Search -Purge x""#, "Purge", None);
        check(
            r#"-PurgeType "HardDelete" -purge "True""#,
            "Purge",
            Some("True"),
        );
        check(r#"-Purge "" -Force"#, "Purge", None);
        check(r#"-Name "a "b" c" -Purge "x y""#, "Purge", Some("x y"));
        check("-Purge -Export x", "Purge", None);
        check(
            "-Purge -PurgeType:HardDelete",
            "PurgeType",
            Some("HardDelete"),
        );
        check("-Identity", "Identity", None);
        check("", "Identity", None);
        check("-é", "Identity", None);
    }
}
