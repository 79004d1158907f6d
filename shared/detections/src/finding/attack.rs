//! MITRE ATT&CK in Sigma's tags, as OCSF has it.

use serde_json::{Value, json};

/// The version of ATT&CK that the tactics' numbers are of.
const VERSION: &str = "16.1";

/// Enterprise tactics: Sigma's tag, number, name.
const TACTICS: [(&str, &str, &str); 14] = [
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource-development", "TA0042", "Resource Development"),
    ("initial-access", "TA0001", "Initial Access"),
    ("execution", "TA0002", "Execution"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege-escalation", "TA0004", "Privilege Escalation"),
    ("defense-evasion", "TA0005", "Defense Evasion"),
    ("credential-access", "TA0006", "Credential Access"),
    ("discovery", "TA0007", "Discovery"),
    ("lateral-movement", "TA0008", "Lateral Movement"),
    ("collection", "TA0009", "Collection"),
    ("command-and-control", "TA0011", "Command and Control"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
];

/// The `attacks` of a rule's tags; tags of other kinds are passed over.
pub(super) fn attacks(tags: &[String]) -> Vec<Value> {
    let tags = tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
    tags.filter_map(attack).collect()
}

fn attack(tag: &str) -> Option<Value> {
    // Both ways of writing are in use.
    let tactic = tag.replace('_', "-");
    if let Some((_, uid, name)) = TACTICS.iter().find(|(of, ..)| *of == tactic) {
        return Some(json!({ "tactic": { "uid": uid, "name": name }, "version": VERSION }));
    }
    let uid = tag.to_ascii_uppercase();
    let number = uid.strip_prefix('T')?;
    let is_number = number.chars().all(|of| of.is_ascii_digit() || of == '.');
    if !is_number || number.len() < 4 {
        return None;
    }
    Some(match uid.split_once('.') {
        Some((technique, _)) => json!({
            "technique": { "uid": technique }, "sub_technique": { "uid": uid }, "version": VERSION,
        }),
        None => json!({ "technique": { "uid": uid }, "version": VERSION }),
    })
}
