//! `file`: documents and folders in SharePoint, OneDrive and Yammer, and on computers with a labelling client.

use super::event::{Event, ObservableType};
use crate::json::Writer;
use crate::record::{Record, User, slice};
use std::borrow::Cow;

/// The types of files in the feed, by OCSF's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileKind<'a> {
    RegularFile,
    Folder,
    /// Any other type, by its name.
    Other(Cow<'a, str>),
}

impl FileKind<'_> {
    fn id(&self) -> i64 {
        match self {
            Self::RegularFile => 1,
            Self::Folder => 2,
            Self::Other(_) => 99,
        }
    }

    fn caption(&self) -> &str {
        match self {
            Self::RegularFile => "Regular File",
            Self::Folder => "Folder",
            Self::Other(name) => name,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct File<'a> {
    pub(crate) name: Cow<'a, str>,
    /// A regular file when the record does not say.
    pub(crate) kind: Option<FileKind<'a>>,
    pub(crate) ext: Option<Cow<'a, str>>,
    pub(crate) path: Option<Cow<'a, str>>,
    pub(crate) parent_folder: Option<Cow<'a, str>>,
    pub(crate) url: Option<Cow<'a, str>>,
    /// Whether the URL's host is written as well.
    pub(crate) with_hostname: bool,
    pub(crate) uid: Option<Cow<'a, str>>,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) sha256: Option<Cow<'a, str>>,
    pub(crate) sha1: Option<Cow<'a, str>>,
    pub(crate) md5: Option<Cow<'a, str>>,
    pub(crate) volume: Option<Cow<'a, str>>,
    pub(crate) owner: Option<User<'a>>,
    pub(crate) is_public: bool,
}

/// The host of an HTTP or HTTPS URL.
pub(crate) fn hostname(url: &str) -> Option<&str> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host.rsplit('@').next()?;
    (!host.is_empty()).then_some(host)
}

/// The text after the last `/` or `\`.
pub(crate) fn last_segment<'a>(path: &Cow<'a, str>) -> Cow<'a, str> {
    let trimmed = path.trim_end_matches(['/', '\\']);
    let from = trimmed.rfind(['/', '\\']).map_or(0, |at| at + 1);
    slice(path, from, trimmed.len())
}

impl<'a> File<'a> {
    /// The file that a record of SharePoint, OneDrive, Yammer or a labelling client is about. Marks the members it
    /// reads.
    pub(crate) fn of(record: &Record<'a>) -> Self {
        let object = record.text("ObjectId");
        let url = object.clone().filter(|object| hostname(object).is_some());
        let local = object.clone().filter(|object| hostname(object).is_none());
        let folder = record.take("SourceRelativeUrl");
        let name = record
            .take("SourceFileName")
            .or_else(|| record.take("FileName"));
        let name = name.or_else(|| {
            object
                .as_ref()
                .map(last_segment)
                .filter(|name| !name.is_empty())
        });
        let name = name.unwrap_or_else(|| record.op.clone());
        let path = match &folder {
            Some(folder) => Some(join(folder, &name)),
            None => local,
        };
        if object.is_none() || url.is_some() || path == object {
            record.take("ObjectId");
        }
        let parent = path.as_ref().filter(|_| folder.is_some()).and_then(|path| {
            let at = path.rfind('/')?;
            (at > 0).then(|| slice(path, 0, at))
        });
        Self {
            kind: Some(kind_of(record)),
            ext: record.take("SourceFileExtension"),
            parent_folder: parent.or(folder.filter(|folder| path.as_ref() != Some(folder))),
            path,
            url,
            with_hostname: true,
            uid: record
                .take("ListItemUniqueId")
                .or_else(|| record.take("FileId")),
            size_bytes: record
                .int("FileSizeBytes")
                .or_else(|| record.int("FileSyncBytesCommitted")),
            sha256: record.take("SHA256Hash"),
            md5: record.take("MD5Hash"),
            volume: record.take("Site"),
            name,
            ..Self::default()
        }
    }

    /// The resulting file of a move, rename or copy.
    pub(crate) fn result_of(record: &Record<'a>) -> Option<Self> {
        let name = record.take("DestinationFileName")?;
        let folder = record.take("DestinationRelativeUrl");
        let path = folder.as_ref().map(|folder| join(folder, &name));
        let ext = record.take("DestinationFileExtension");
        Some(Self {
            kind: Some(kind_of(record)),
            ext,
            parent_folder: folder,
            path,
            name,
            ..Self::default()
        })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.text("name", &self.name);
        let kind = self.kind.as_ref().unwrap_or(&FileKind::RegularFile);
        w.int("type_id", kind.id());
        w.text("type", kind.caption());
        w.text_opt("ext", self.ext.as_ref());
        w.text_opt("path", self.path.as_ref());
        w.text_opt("parent_folder", self.parent_folder.as_ref());
        if let Some(url) = &self.url {
            w.object("url", |w| {
                w.text("url_string", url);
                w.text_opt("hostname", hostname(url).filter(|_| self.with_hostname));
            });
        }
        w.text_opt("uid", self.uid.as_ref());
        self.size_bytes.iter().for_each(|size| w.int("size", *size));
        w.array("hashes", |w| {
            let hashes = [
                (3, "SHA-256", &self.sha256),
                (2, "SHA-1", &self.sha1),
                (1, "MD5", &self.md5),
            ];
            for (id, algorithm, value) in hashes {
                w.element_object(|w| write_hash(w, id, algorithm, value.as_deref()));
            }
        });
        w.text_opt("volume", self.volume.as_ref());
        w.object("owner", |w| {
            self.owner.iter().for_each(|owner| owner.write(w));
        });
        if self.is_public {
            w.bool("is_public", true);
        }
    }

    /// Adds observables for the file, at the top of the event or in `evidences`.
    pub(crate) fn observe(&self, event: &mut Event<'a>, in_evidences: bool) {
        let path =
            |top: &'static str, inside: &'static str| if in_evidences { inside } else { top };
        if let Some(url) = &self.url {
            event.observe(
                path("file.url.url_string", "evidences.file.url.url_string"),
                ObservableType::Url,
                url.clone(),
            );
        }
        let hashes = [&self.sha256, &self.sha1, &self.md5];
        for hash in hashes.into_iter().flatten() {
            event.observe(
                path("file.hashes.value", "evidences.file.hashes.value"),
                ObservableType::Hash,
                hash.clone(),
            );
        }
        event.observe(
            path("file.name", "evidences.file.name"),
            ObservableType::FileName,
            self.name.clone(),
        );
    }
}

fn write_hash(w: &mut Writer, id: i64, algorithm: &str, value: Option<&str>) {
    if let Some(value) = value {
        w.int("algorithm_id", id);
        w.text("algorithm", algorithm);
        w.text("value", value);
    }
}

/// Folder and name joined. In records from before 2018, the folder's field includes the name.
fn join<'a>(folder: &Cow<'a, str>, name: &str) -> Cow<'a, str> {
    if last_segment(folder) == name {
        folder.clone()
    } else {
        Cow::Owned(format!("{}/{name}", folder.trim_end_matches('/')))
    }
}

fn kind_of<'a>(record: &Record<'a>) -> FileKind<'a> {
    match record.take("ItemType") {
        None => FileKind::RegularFile,
        Some(kind) if kind == "File" => FileKind::RegularFile,
        Some(kind) if kind == "Folder" => FileKind::Folder,
        Some(kind) => FileKind::Other(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_host_of_a_url() {
        let check = |url: &str, expect: Option<&str>| assert_eq!(hostname(url), expect, "{url}");
        check(
            "https://contoso.sharepoint.com/sites/s",
            Some("contoso.sharepoint.com"),
        );
        check(
            "https://contoso.sharepoint.com",
            Some("contoso.sharepoint.com"),
        );
        check(
            "https://user@contoso.sharepoint.com/x",
            Some("contoso.sharepoint.com"),
        );
        check("https:///x", None);
        check(r"C:\Users\alex\a.docx", None);
    }

    #[test]
    fn a_name_is_joined_to_its_folder_once() {
        let check = |folder: &'static str, name: &str, expect: &str| {
            assert_eq!(join(&Cow::Borrowed(folder), name), expect);
        };
        check("Documents", "a.docx", "Documents/a.docx");
        check("Documents/", "a.docx", "Documents/a.docx");
        check("Documents/a.docx", "a.docx", "Documents/a.docx");
    }
}
