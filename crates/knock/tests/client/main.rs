//! The client as its users see it, on the loopback interface.

#[cfg(test)]
mod arguments;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod one_time;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod progress;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod support;
#[cfg(test)]
mod verifying;
