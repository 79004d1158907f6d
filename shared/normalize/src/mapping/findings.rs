//! Alerts and detections of Microsoft's security services.

mod alert;
mod defender;
mod investigation;
mod mail_threat;

pub(super) use alert::map as alert;
pub(super) use defender::{cloud_app, file_detected, link_clicked, risk};
pub(super) use investigation::map as investigation;
pub(super) use mail_threat::map as mail_threat;
