//! Administrators' cmdlets: Exchange, Security & Compliance, Skype, Teams (record types 1, 10, 18, 23, 57).

use super::verbs::{self, Verb};
use crate::json::{Value, Writer};
use crate::ocsf::class::{AccountChange, ApiActivity, GroupManagement, UserAccess};
use crate::ocsf::resource::Resource;
use crate::ocsf::{Event, ObservableType, Severity, api};
use crate::record::{Actor, Record, User, UserKind, addresses, is_noise, name_values};
use crate::severity;
use std::borrow::Cow;

/// Nouns of cmdlets that grant rights on a mailbox or a folder.
const PERMISSION_NOUNS: &[&str] = &[
    "mailboxfolderpermission",
    "mailboxpermission",
    "publicfolderclientpermission",
    "recipientpermission",
];

/// Nouns of cmdlets that change the members of a group.
const MEMBER_NOUNS: &[&str] = &[
    "compliancecasemember",
    "distributiongroupmember",
    "ediscoverycaseadmin",
    "rolegroupmember",
    "unifiedgrouplinks",
];

/// Whether a parameter names addresses that mail is sent to.
fn is_target(parameter: &str) -> bool {
    matches!(
        parameter,
        "AddToRecipients"
            | "BlindCopyTo"
            | "CopyTo"
            | "ForwardAsAttachmentTo"
            | "ForwardTo"
            | "ForwardingAddress"
            | "ForwardingSmtpAddress"
            | "GenerateIncidentReport"
            | "JournalEmailAddress"
            | "ModerateMessageByUser"
            | "RedirectMessageTo"
            | "RedirectTo"
    )
}

/// A cmdlet's name in two parts, in lower case, and its parameters.
struct Cmdlet<'r, 'a> {
    verb: &'r str,
    noun: &'r str,
    parameters: Option<Value<'a>>,
}

impl<'a> Cmdlet<'_, 'a> {
    /// A parameter's value. Security & Compliance writes all parameters as one string: `-Name "value" -Switch "True"`.
    fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let parameters = self.parameters?;
        match parameters.str() {
            Some(line) => line_parameter(&line, name).map(|value| Cow::Owned(value.to_owned())),
            None => name_values::property(parameters, name),
        }
    }

    /// The rights, of which [`NO_RIGHTS`] is one. Some clients write a list of them.
    fn rights(&self) -> Option<Cow<'a, str>> {
        const NAME: &str = "AccessRights";
        let parameters = self.parameters?;
        if let Some(line) = parameters.str() {
            let mut is_none = false;
            each_parameter(&line, |name, value| {
                is_none |= name.eq_ignore_ascii_case(NAME) && value == NO_RIGHTS;
            });
            return self
                .parameter(NAME)
                .or(is_none.then_some(Cow::Borrowed(NO_RIGHTS)));
        }
        let value = name_values::value(parameters, NAME)?;
        if value.is_array() {
            let rights: Vec<_> = value.children().filter_map(Value::scalar).collect();
            return Some(Cow::Owned(rights.join(",")));
        }
        value.scalar()
    }

    /// Whether the parameter has a value that passes the test. `None` is a value as any other.
    fn has(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        let Some(parameters) = self.parameters else {
            return false;
        };
        if let Some(line) = parameters.str() {
            return line_parameter(&line, name).is_some_and(|value| passes(value, test));
        }
        let value = name_values::value(parameters, name);
        let mut values = value.into_iter().flat_map(|value| value.elements());
        values.any(|value| {
            let text = value.scalar();
            text.is_some_and(|text| passes(&text, test))
        })
    }

    /// Calls `see` with each text of the parameters that name addresses that mail is sent to.
    fn targets(&self, mut see: impl FnMut(&str)) {
        let Some(parameters) = self.parameters else {
            return;
        };
        if let Some(line) = parameters.str() {
            return each_parameter(&line, |name, value| {
                if is_target(name) {
                    see(value);
                }
            });
        }
        for entry in parameters.children() {
            let (name, value) = if parameters.is_object() {
                (Some(entry.key().cow()), Some(entry))
            } else {
                (name_values::entry_name(entry), entry.get("Value"))
            };
            if !name.is_some_and(|name| is_target(&name)) {
                continue;
            }
            let texts = value.into_iter().flat_map(|value| value.elements());
            texts.filter_map(Value::scalar).for_each(|text| see(&text));
        }
    }
}

/// Whether a parameter's value is there and passes the test. PowerShell writes `$true` and `$null`.
fn passes(value: &str, test: &dyn Fn(&str) -> bool) -> bool {
    let value = value.trim();
    let value = value.strip_prefix('$').unwrap_or(value);
    !matches!(value, "" | "null" | "<null>" | "__NULL__") && test(value)
}

/// The value of `AccessRights` that takes all rights away. Elsewhere it is a word for "no value".
const NO_RIGHTS: &str = "None";

/// The value after `-name` in a command line. Quoted text is never taken for a name.
fn line_parameter<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let mut found = None;
    each_parameter(line, |switch, value| {
        if found.is_none() && switch.eq_ignore_ascii_case(name) && !is_noise(value) {
            found = Some(value);
        }
    });
    found
}

/// Calls `see` with each `-name` of a command line and the value after it, which is empty if there is none.
fn each_parameter<'l>(line: &'l str, mut see: impl FnMut(&'l str, &'l str)) {
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = word(rest);
        if let Some(switch) = word.strip_prefix('-') {
            // `-Name:value`
            let (name, value) = switch
                .split_once(':')
                .unwrap_or_else(|| (switch, self::word(after).0));
            let value = value.trim_matches('"');
            see(name, if value.starts_with('-') { "" } else { value });
        }
        rest = after;
    }
}

/// The first word of a line, with its quotes, and the rest of the line.
fn word(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = line.find(|character: char| {
        quoted ^= character == '"';
        !quoted && character == ' '
    });
    let (word, rest) = line.split_at(end.unwrap_or(line.len()));
    (word, rest.trim_start())
}

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
        // Service accounts run most of the cmdlets in a feed, as routine work.
        event.severity = Severity::Informational;
        return;
    }
    let has = |name: &str, test: &dyn Fn(&str) -> bool| cmdlet.has(name, test);
    event.raise(severity::CMDLETS.rate(&record.op, has));
}

fn permission<'a>(record: &Record<'a>, event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "add" | "set" => UserAccess::AssignPrivileges,
        "remove" => UserAccess::RevokePrivileges,
        _ => return false,
    };
    let Some(user) = cmdlet
        .parameter("User")
        .or_else(|| cmdlet.parameter("Trustee"))
    else {
        return false;
    };
    let rights = cmdlet.rights().unwrap_or_default();
    let mut rights: Vec<&str> = rights
        .split(',')
        .map(str::trim)
        .filter(|right| !right.is_empty())
        .collect();
    let takes_away = rights.len() == 1 && rights[0].eq_ignore_ascii_case(NO_RIGHTS);
    let activity = if takes_away {
        UserAccess::RevokePrivileges
    } else {
        activity
    };
    if rights.is_empty() && activity == UserAccess::RevokePrivileges {
        // Cmdlets for folders name no right when they remove: they remove all the user had.
        rights.push("(unspecified permission)");
    }
    if rights.is_empty() {
        return false;
    }
    event.classify(activity);
    let resource = target(record, cmdlet, "Mailbox");
    write_grantee(event, user, UserKind::User);
    let w = &mut event.body;
    w.texts("privileges", &rights);
    w.array("resources", |w| {
        w.element_object(|w| resource.write(w, |_| ()));
    });
    true
}

fn role_assignment<'a>(event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "new" => UserAccess::AssignPrivileges,
        "remove" => UserAccess::RevokePrivileges,
        _ => return false,
    };
    let grantees = [
        ("User", UserKind::User),
        ("SecurityGroup", UserKind::Other(Cow::Borrowed("Group"))),
        ("Computer", UserKind::Other(Cow::Borrowed("Computer"))),
        ("App", UserKind::Service),
    ];
    let grantee = grantees
        .iter()
        .find_map(|(name, kind)| Some((cmdlet.parameter(name)?, kind.clone())));
    let (Some((grantee, kind)), Some(role)) = (grantee, cmdlet.parameter("Role")) else {
        return false;
    };
    event.classify(activity);
    write_grantee(event, grantee, kind);
    event.body.array("privileges", |w| w.element_text(&role));
    true
}

fn member<'a>(event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "add" | "update" => GroupManagement::AddUser,
        "remove" => GroupManagement::RemoveUser,
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
    event.classify(activity);
    event.body.object("group", |w| w.text("name", &group));
    if let Some(users) = user {
        // One record stays one event: the first member is its user, all members are in `api.request.data`.
        let first = users.split(';').next().unwrap_or_default().trim();
        write_grantee(event, Cow::Owned(first.to_owned()), UserKind::User);
    }
    true
}

fn mailbox<'a>(record: &Record<'a>, event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) -> bool {
    let activity = match cmdlet.verb {
        "new" => AccountChange::Create,
        "enable" => AccountChange::Enable,
        "disable" => AccountChange::Disable,
        "remove" => AccountChange::Delete,
        _ => return false,
    };
    let name = ["MicrosoftOnlineServicesID", "Name", "Identity"]
        .iter()
        .find_map(|name| cmdlet.parameter(name));
    let Some(name) = name.or_else(|| record.take("ObjectId")) else {
        return false;
    };
    event.classify(activity);
    write_grantee(event, name, UserKind::User);
    true
}

fn write_grantee<'a>(event: &mut Event<'a>, name: Cow<'a, str>, kind: UserKind<'a>) {
    let user = User {
        kind: Some(kind),
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

/// Maps any other cmdlet to a call of the service's API.
fn call<'a>(record: &Record<'a>, event: &mut Event<'a>, cmdlet: &Cmdlet<'_, 'a>) {
    let activity = match cmdlet.verb {
        "new" | "add" | "install" | "start" | "create" | "import" | "register" => {
            ApiActivity::Create
        }
        "get" | "search" | "test" | "export" | "validate" | "compare" => ApiActivity::Read,
        "set" | "update" | "enable" | "disable" | "move" | "resume" | "suspend" | "stop"
        | "release" | "undo" | "grant" | "invoke" => ApiActivity::Update,
        "remove" | "uninstall" | "clear" | "delete" | "unregister" => ApiActivity::Delete,
        _ => verbs::of(&record.op).map_or(ApiActivity::Other, Verb::api),
    };
    event.classify(activity);
    let operation = record.operation.as_deref().unwrap_or_default().trim();
    let noun = operation
        .split_once('-')
        .map_or(operation, |(_, noun)| noun);
    let resource = target(record, cmdlet, noun);
    event.body.array("resources", |w| {
        w.element_object(|w| resource.write(w, |_| ()));
    });
    cmdlet.targets(|text| {
        for address in addresses(text) {
            event.observe(
                "api.request.data",
                ObservableType::EmailAddress,
                address.to_owned(),
            );
        }
    });
}

fn write_parameters(w: &mut Writer, parameters: Option<Value<'_>>) {
    let Some(parameters) = parameters.filter(|parameters| !parameters.is_blank()) else {
        return;
    };
    if !name_values::write(w, "data", parameters) {
        w.object("data", |w| w.value("Parameters", parameters));
    }
    parameters.mark_used();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_from_a_command_line() {
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
