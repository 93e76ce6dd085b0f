//! What ends a sleep on time.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use knock_core::moment::Moment;
use rustix::{
    event::Timespec,
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime},
};

/// Is readable for poll(2) from a moment on, on the clock of [`now`](super::now) (`timerfd_create(2)`).
///
/// The time limit of poll itself stands still while the machine sleeps: what was due meanwhile would wait for as long
/// as it had to wait before. An alarm is due as soon as the machine is awake.
#[derive(Debug)]
pub struct Alarm {
    timer: OwnedFd,
    deadline: Option<Moment>,
}

/// So soon somebody may be woken up for nothing, once.
const TOO_EARLY: Duration = Duration::from_secs(1);

/// Nothing, in the words of the kernel: for a timer "never".
const NOTHING: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

impl Alarm {
    /// One that is never due.
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Self { timer, deadline: None })
    }

    /// Is due at this moment, at once if it is past, or never; or once before that, within a second, at a moment that it
    /// was set to earlier.
    ///
    /// Costs a system call only if it would be due too late, or is due now and should not be: deadlines that move on with
    /// every packet cost one when they would have come, not one each time.
    pub fn set(&mut self, deadline: Option<Moment>) -> io::Result<()> {
        let Some(set_to) = self.deadline else { return self.set_anew(deadline) };
        let is_in_time = deadline.is_none_or(|deadline| set_to <= deadline);
        let now = super::now();
        if is_in_time && now < set_to && set_to <= now.after(TOO_EARLY) {
            return Ok(());
        }
        self.set_anew(deadline)
    }

    fn set_anew(&mut self, deadline: Option<Moment>) -> io::Result<()> {
        if deadline == self.deadline {
            return Ok(());
        }
        let time = Itimerspec { it_interval: NOTHING, it_value: deadline.map_or(NOTHING, on_the_clock) };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &time)?;
        self.deadline = deadline;
        Ok(())
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

fn on_the_clock(moment: Moment) -> Timespec {
    // The origin itself would mean "never".
    let since_origin = Duration::from_nanos(moment.as_nanos().max(1));
    // 584 years fit.
    Timespec::try_from(since_origin).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::fd::AsRawFd};

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;
    use crate::clock;

    /// Whether it is due within this time.
    fn is_due_within(alarm: &Alarm, millis: i64) -> bool {
        let patience = Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 };
        poll(&mut [PollFd::new(alarm, PollFlags::IN)], Some(&patience)).unwrap() > 0
    }

    #[test]
    fn is_due_at_its_moment_and_not_before() {
        let mut alarm = Alarm::new().unwrap();
        let deadline = clock::now().after(Duration::from_millis(50));
        alarm.set(Some(deadline)).unwrap();
        assert!(is_due_within(&alarm, 10_000));
        assert!(clock::now() >= deadline);
        assert!(is_due_within(&alarm, 0), "it stays due until it is set anew");
        alarm.set(Some(deadline)).unwrap();
        assert!(is_due_within(&alarm, 0), "the same moment is no news");
    }

    #[test]
    fn what_is_past_is_due_at_once() {
        let mut alarm = Alarm::new().unwrap();
        for past in [Moment::default(), Moment::from_nanos(1), clock::now()] {
            alarm.set(Some(past)).unwrap();
            assert!(is_due_within(&alarm, 10_000), "{past:?}");
        }
    }

    #[test]
    fn can_be_put_off_and_called_off() {
        let mut alarm = Alarm::new().unwrap();
        assert!(!is_due_within(&alarm, 5), "a new one");
        alarm.set(Some(clock::now())).unwrap();
        assert!(is_due_within(&alarm, 10_000));
        for later in [Some(clock::now().after(Duration::from_secs(3600))), Some(Moment::MAX), None] {
            alarm.set(later).unwrap();
            assert!(!is_due_within(&alarm, 5), "{later:?}");
        }
    }

    #[test]
    fn is_due_once_too_early_rather_than_set_each_time() {
        let mut alarm = Alarm::new().unwrap();
        let soon = clock::now().after(Duration::from_millis(50));
        alarm.set(Some(soon)).unwrap();
        for later in [Some(soon.after(Duration::from_secs(1))), None] {
            alarm.set(later).unwrap();
            assert_eq!(alarm.deadline, Some(soon), "{later:?}");
        }
        assert!(is_due_within(&alarm, 10_000));
        alarm.set(None).unwrap();
        assert!(!is_due_within(&alarm, 0), "and then not again");
        alarm.set(Some(clock::now().after(Duration::from_secs(60)))).unwrap();
        alarm.set(None).unwrap();
        assert_eq!(alarm.deadline, None, "nobody is woken up for nothing in a minute");
        let sooner = clock::now().after(Duration::from_secs(3600));
        for deadline in [sooner.after(Duration::from_secs(1)), sooner] {
            alarm.set(Some(deadline)).unwrap();
            assert_eq!(alarm.deadline, Some(deadline), "what is earlier counts");
        }
    }

    /// What the kernel says of it (proc(5), `/proc/pid/fdinfo/`): the clock is `CLOCK_BOOTTIME` (`linux/time.h`), the
    /// time an absolute one (`TFD_TIMER_ABSTIME`).
    #[test]
    fn goes_on_while_the_machine_sleeps() {
        let mut alarm = Alarm::new().unwrap();
        alarm.set(Some(clock::now().after(Duration::from_secs(3600)))).unwrap();
        let path = format!("/proc/self/fdinfo/{}", alarm.as_fd().as_raw_fd());
        let info = fs::read_to_string(path).unwrap();
        assert!(info.contains("\nclockid: 7\n") && info.contains("\nsettime flags: 01\n"), "{info}");
    }
}
