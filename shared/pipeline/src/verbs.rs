//! What ualstream does, a module a verb; and keeping subscriptions as they should be, which registering and reconciling share.

pub mod api;
pub mod compact;
pub mod detect;
pub mod fetch;
pub mod forward;
pub mod notify;
pub mod receive;
pub mod reconcile;
pub mod restore;
pub mod subscription;
pub mod timeline;
