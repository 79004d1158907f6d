//! The repository itself: its documents, its template, and how its code is laid out.

mod docs;
mod template;
mod tidy;
