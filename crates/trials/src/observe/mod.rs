//! What others make of the daemon's metrics: a Prometheus of its own, and the dashboard that comes with knockd.

mod dashboard;
mod picture;
mod prometheus;
mod site;

pub use self::{
    dashboard::{Dashboard, Panel, Query},
    picture::{Shown, picture},
    prometheus::{Prometheus, Series},
    site::{Site, page},
};
