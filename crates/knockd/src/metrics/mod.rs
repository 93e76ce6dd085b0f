//! Numbers, and how Prometheus reads them.

mod histogram;
mod page;

pub use self::{
    histogram::Histogram,
    page::{Family, Page, Type},
};
