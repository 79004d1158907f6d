//! `EventData` of SharePoint's records: XML without a root element, with blanks in element names.

/// The content of an element of `EventData`.
pub(crate) fn tag<'t>(data: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = data;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(content) = rest
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('>'))
        {
            let text = content.split('<').next()?.trim();
            return (!text.is_empty()).then_some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_event_data_are_read() {
        let check = |data: &str, name: &str, expect: Option<&str>| {
            assert_eq!(tag(data, name), expect, "{data}");
        };
        check("<Type>Edit</Type>", "Type", Some("Edit"));
        check(
            "<A>1</A><Permissions granted>Contribute</Permissions granted>",
            "Permissions granted",
            Some("Contribute"),
        );
        check("<TypeX>Edit</TypeX>", "Type", None);
        check("<Type></Type>", "Type", None);
        check("<Type>", "Type", None);
        check("no markup", "Type", None);
    }
}
