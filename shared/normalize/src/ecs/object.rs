//! `file`, `url` and `process`: the object of the action, and the program that acted.

use super::related::Related;
use crate::json::Writer;
use crate::mapping;
use crate::ocsf::file::{File, FileKind, hostname};
use crate::ocsf::{Class, Event};
use crate::record::time::{self, Moment};
use crate::record::{Record, RecordType, text_of};
use std::borrow::Cow;

/// Writes `file`, `url` and `process`.
pub(super) fn write<'a>(
    record: &Record<'a>,
    event: &Event<'a>,
    related: &mut Related<'a>,
    w: &mut Writer,
) {
    if let Some(found) = find(record, event) {
        found.write(w);
        related.hash(found.file.sha256.as_ref());
        related.hash(found.file.sha1.as_ref());
        related.hash(found.file.md5.as_ref());
        related.user(found.owner.as_ref());
    }
    if let Some(url) = address(record) {
        let domain = hostname(&url).map(|host| match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        });
        let domain = domain.map(|domain| Cow::Owned(domain.to_owned()));
        w.object("url", |w| {
            w.text("original", &url);
            w.text_opt("domain", domain.as_ref());
        });
        related.host(domain.as_ref());
    }
    w.object("process", |w| {
        w.text_opt("name", record.text("ClientProcessName"));
    });
}

/// A file, with the attributes that ECS has fields for.
#[derive(Debug, Default)]
struct Found<'a> {
    file: File<'a>,
    inode: Option<Cow<'a, str>>,
    owner: Option<Cow<'a, str>>,
    modified: Option<Moment>,
}

impl Found<'_> {
    fn write(&self, w: &mut Writer) {
        let file = &self.file;
        w.object("file", |w| {
            w.text_opt("name", Some(&file.name).filter(|name| !name.is_empty()));
            w.text_opt("directory", file.parent_folder.as_ref());
            w.text_opt("path", file.path.as_ref());
            w.text_opt("extension", file.ext.as_ref());
            w.text_opt("inode", self.inode.as_ref());
            w.text_opt("owner", self.owner.as_ref());
            file.size_bytes
                .iter()
                .filter(|size| **size >= 0)
                .for_each(|size| w.int("size", *size));
            w.text_opt("mtime", self.modified.map(Moment::rfc3339));
            match &file.kind {
                Some(FileKind::RegularFile) => w.text("type", "file"),
                Some(FileKind::Folder) => w.text("type", "dir"),
                _ => {}
            }
            w.object("hash", |w| {
                w.text_opt("md5", file.md5.as_ref());
                w.text_opt("sha1", file.sha1.as_ref());
                w.text_opt("sha256", file.sha256.as_ref());
            });
        });
    }
}

/// The file that the record is about, if its type has one.
fn find<'a>(record: &Record<'a>, event: &Event<'a>) -> Option<Found<'a>> {
    let object = |key: &str| record.get(key).filter(|value| value.is_object());
    if record.record_type.is_some_and(RecordType::is_endpoint) {
        let file = mapping::computer_file(record)?;
        return Some(Found {
            file,
            ..Found::default()
        });
    }
    if matches!(event.class, Class::DataSecurityFinding(_)) {
        let meta = object("SharePointMetaData")?;
        let modified = text_of(meta, "LastModifiedTime");
        return Some(Found {
            file: File {
                name: text_of(meta, "FileName").unwrap_or_default(),
                ..File::default()
            },
            inode: text_of(meta, "UniqueID").or_else(|| text_of(meta, "UniqueId")),
            owner: text_of(meta, "FileOwner"),
            modified: modified.and_then(|text| time::parse(&text)),
        });
    }
    if record.record_type == Some(RecordType::ThreatIntelligenceAtpContent) {
        let data = object("FileData")?;
        return Some(Found {
            file: File {
                name: text_of(data, "FileName").unwrap_or_default(),
                path: text_of(data, "FilePath"),
                size_bytes: data.get("FileSize").and_then(|size| size.int()),
                sha256: text_of(data, "SHA256"),
                ..File::default()
            },
            ..Found::default()
        });
    }
    let named = record.has("SourceFileName") || record.has("FileName");
    if !matches!(event.class, Class::FileHosting(_)) && !named {
        return None;
    }
    let file = File::of(record);
    // A file without a name is named by the operation, because OCSF demands a name. ECS does not.
    let unnamed = !named && !record.has("ObjectId");
    Some(Found {
        inode: record.text("FileId"),
        file: File {
            name: if unnamed {
                Cow::Borrowed("")
            } else {
                file.name
            },
            ..file
        },
        ..Found::default()
    })
}

/// The URL of the object, of the matched file or of the link.
fn address<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    let matched = || text_of(record.get("SharePointMetaData")?, "FilePathUrl");
    record
        .text("ObjectId")
        .filter(|object| hostname(object).is_some())
        .or_else(matched)
        .or_else(|| {
            let clicked = record.text("Url").or_else(|| record.text("URL"));
            clicked.filter(|_| record.record_type == Some(RecordType::ThreatIntelligenceUrl))
        })
}
