//! Runs the commands of doors: a set number at once, the others in line.
//!
//! Those that open wait in one line, those that close in another with as many places of its own: whatever those who
//! come in do, what is open is closed.

use std::{
    collections::VecDeque,
    fmt, io,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use knock_core::moment::Moment;
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process_group},
};

use super::{
    environment::{self, Environment},
    job::Job,
};
use crate::journal::OpeningId;

/// How long a command may run before it is reported and no longer keeps others from starting.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many commands that hang are borne, as a multiple of the number that may run at once.
const HANGING_FACTOR: usize = 8;

/// How long to wait before a command that closes is tried again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What became of a job.
#[derive(Debug)]
pub enum Progress {
    /// It runs.
    Started(Job),
    /// It ended by itself or by a signal, after this time.
    Ended(Job, ExitStatus, Duration),
    /// The system would not run it, and it is given up.
    Failed(Job, io::Error),
    /// The system would not run it now; it is tried again after this time.
    Delayed(Job, io::Error, Duration),
    /// It has run for so long that others no longer wait for it.
    Hanging(Job, Duration),
}

/// The jobs that run and those that wait.
#[derive(Debug)]
pub struct Commands {
    at_once: usize,
    output: Output,
    environment: Environment,
    running: Vec<Running>,
    opening: VecDeque<Job>,
    closing: VecDeque<Closing>,
    /// When the system had no room for a command that closes, the time at which any of them is tried again.
    next_try: Option<Moment>,
}

/// A job that closes a door, and when the system has refused to run it, the time at which it is tried again.
#[derive(Debug)]
struct Closing {
    job: Job,
    next_try: Moment,
    pause: Duration,
}

/// What becomes of what commands print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// It goes where the daemon's own goes.
    Shown,
    /// Nobody sees it.
    Dropped,
}

struct Running {
    child: Child,
    job: Job,
    since: Moment,
    hangs: bool,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.child.id(), self.job)
    }
}

impl Commands {
    /// Runs at most `at_once` commands at the same time.
    #[must_use]
    pub fn new(at_once: usize, output: Output) -> Self {
        Self {
            at_once: at_once.max(1),
            output,
            environment: Environment::new(std::env::vars_os()),
            running: Vec::new(),
            opening: VecDeque::new(),
            closing: VecDeque::new(),
            next_try: None,
        }
    }

    /// Changes how many may run at once.
    pub fn set_at_once(&mut self, at_once: usize) {
        self.at_once = at_once.max(1);
    }

    /// Puts a job in line; [`Commands::start`] runs it.
    pub fn submit(&mut self, job: Job) {
        if job.closes {
            self.closing.push_back(Closing { job, next_try: Moment::default(), pause: FIRST_PAUSE });
        } else {
            self.opening.push_back(job);
        }
    }

    /// Whether nothing runs or waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.opening.is_empty() && self.closing.is_empty()
    }

    /// Takes the jobs that would open something out of the line.
    pub fn cancel_openings(&mut self) -> Vec<Job> {
        self.opening.drain(..).collect()
    }

    /// Kills the commands of an opening that run, with all that they wait for. They end as others do. Returns how many
    /// there are.
    pub fn kill(&self, opening: OpeningId) -> usize {
        let running = self.running.iter().filter(|running| running.job.opening == opening);
        let groups = running.map(|running| Pid::from_child(&running.child));
        groups.filter(|group| kill_process_group(*group, Signal::KILL).is_ok()).count()
    }

    /// When [`Commands::start`] or [`Commands::note_hanging`] has something to do next, if nothing ends until then.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let patient = self.running.iter().filter(|running| !running.hangs);
        let hangs = patient.map(|running| running.since.after(PATIENCE)).min();
        // Without a place for it nothing is tried, and the end of another command is what it waits for.
        let refused = self.closing.iter().map(|closing| closing.next_try).filter(|_| self.has_room(true));
        hangs.into_iter().chain(refused.min().max(self.next_try)).min()
    }

    /// Starts as many waiting jobs as may run, those that close first, and tells of each what came of it.
    pub fn start(&mut self, now: Moment, tell: &mut dyn FnMut(Progress)) {
        if self.next_try.is_none_or(|moment| moment <= now) {
            self.next_try = None;
            self.start_closing(now, tell);
        }
        while self.has_room(false)
            && let Some(job) = self.opening.pop_front()
        {
            match self.spawn(&job) {
                Ok(child) => self.note_started(child, job, now, tell),
                Err(error) => tell(Progress::Failed(job, error)),
            }
        }
    }

    /// What is open must not stay so because the system has no descriptor, process or memory for a command, nor because
    /// another one can never be run.
    fn start_closing(&mut self, now: Moment, tell: &mut dyn FnMut(Progress)) {
        let mut refused = VecDeque::new();
        while self.next_try.is_none()
            && self.has_room(true)
            && let Some(mut closing) = self.closing.pop_front()
        {
            if closing.next_try > now {
                refused.push_back(closing);
                continue;
            }
            match self.spawn(&closing.job) {
                Ok(child) => self.note_started(child, closing.job, now, tell),
                Err(error) => {
                    closing.next_try = now.after(closing.pause);
                    self.next_try = is_shortage(&error).then_some(closing.next_try);
                    tell(Progress::Delayed(closing.job.clone(), error, closing.pause));
                    closing.pause = (2 * closing.pause).min(LONGEST_PAUSE);
                    refused.push_back(closing);
                }
            }
        }
        self.closing.append(&mut refused);
    }

    fn note_started(&mut self, child: Child, job: Job, now: Moment, tell: &mut dyn FnMut(Progress)) {
        tell(Progress::Started(job.clone()));
        self.running.push(Running { child, job, since: now, hangs: false });
    }

    /// Takes in the jobs that have ended; to be called when a child has died.
    pub fn reap(&mut self, now: Moment, tell: &mut dyn FnMut(Progress)) {
        let mut place = 0;
        while let Some(running) = self.running.get_mut(place) {
            match running.child.try_wait() {
                Ok(None) => place += 1,
                Ok(Some(status)) => {
                    let Running { job, since, .. } = self.running.swap_remove(place);
                    tell(Progress::Ended(job, status, now.since(since)));
                }
                Err(error) => tell(Progress::Failed(self.running.swap_remove(place).job, error)),
            }
        }
    }

    /// Tells of the jobs whose time is over; they go on, but others no longer wait for them.
    pub fn note_hanging(&mut self, now: Moment, tell: &mut dyn FnMut(Progress)) {
        for running in &mut self.running {
            let time = now.since(running.since);
            if !running.hangs && time >= PATIENCE {
                running.hangs = true;
                tell(Progress::Hanging(running.job.clone(), time));
            }
        }
    }

    /// Whether one more command of its sort may run.
    fn has_room(&self, closes: bool) -> bool {
        let all = || self.running.iter().filter(|running| running.job.closes == closes);
        let busy = all().filter(|running| !running.hangs).count();
        busy < self.at_once && all().count() < self.at_once.saturating_mul(HANGING_FACTOR)
    }

    fn spawn(&self, job: &Job) -> io::Result<Child> {
        let output = || match self.output {
            Output::Shown => Stdio::inherit(),
            Output::Dropped => Stdio::null(),
        };
        Command::new("/bin/sh")
            .args(["-c", &job.command])
            .env_clear()
            .envs(self.environment.common())
            .envs(environment::of_job(job))
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            // A group of its own: what the terminal sends to us is not for the command.
            .process_group(0)
            .spawn()
    }
}

/// Whether no command could have been run, however short (`fork(2)`, `pipe(2)`).
fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(opening: u64, command: &str) -> Job {
        Job {
            opening: OpeningId(opening),
            door: "ssh".into(),
            source: "192.0.2.7".parse().unwrap(),
            closes: false,
            command: command.to_owned(),
        }
    }

    /// Runs everything to its end and says what ended how, in the order in which it did.
    fn run(commands: &mut Commands) -> Vec<String> {
        let mut said = Vec::new();
        while !commands.is_idle() {
            let mut ended = Vec::new();
            commands.start(Moment::default(), &mut |_| ());
            commands.reap(Moment::default(), &mut |progress| ended.push(progress));
            said.extend(ended.into_iter().map(|progress| match progress {
                Progress::Ended(job, status, _) => format!("{}: {status}", job.opening.0),
                other => format!("{other:?}"),
            }));
            std::thread::yield_now();
        }
        said
    }

    #[test]
    fn commands_see_their_door_and_source() {
        let mut commands = Commands::new(1, Output::Shown);
        commands
            .submit(job(1, "test $KNOCKD_DOOR/$KNOCKD_IP/$KNOCKD_OPENING = ssh/192.0.2.7/0000000000000001"));
        assert_eq!(run(&mut commands), ["1: exit status: 0"]);
    }

    #[test]
    fn every_end_is_told_as_it_was() {
        let mut commands = Commands::new(1, Output::Dropped);
        for (opening, command) in ["exit 3", "kill -9 $$", "no-such-command 2>&1"].into_iter().enumerate() {
            commands.submit(job(opening as u64, command));
        }
        assert_eq!(
            run(&mut commands),
            ["0: exit status: 3", "1: signal: 9 (SIGKILL)", "2: exit status: 127"]
        );
    }

    #[test]
    fn no_more_than_the_set_number_run_at_once_unless_some_hang() {
        let mut commands = Commands::new(2, Output::Dropped);
        let mut children = 0;
        for opening in 0..5 {
            commands.submit(job(opening, "exec sleep 1000"));
        }
        commands.start(Moment::default(), &mut |_| children += 1);
        assert_eq!((children, commands.running.len()), (2, 2));
        let later = Moment::default().after(PATIENCE);
        assert_eq!(commands.next_deadline(), Some(later));
        let mut hanging = 0;
        commands.note_hanging(later, &mut |_| hanging += 1);
        commands.note_hanging(later, &mut |_| hanging += 1);
        commands.start(later, &mut |_| children += 1);
        assert_eq!((hanging, children, commands.cancel_openings().len()), (2, 4, 1));
        assert_eq!(
            (0..5).map(|opening| commands.kill(OpeningId(opening))).collect::<Vec<_>>(),
            [1, 1, 1, 1, 0]
        );
        assert_eq!(run(&mut commands).len(), 4);
    }

    #[test]
    fn what_closes_does_not_wait_for_what_opens() {
        let mut commands = Commands::new(1, Output::Dropped);
        commands.submit(job(0, "exec sleep 1000"));
        commands.submit(job(1, "exec sleep 1000"));
        commands.submit(Job { closes: true, ..job(2, "true") });
        let mut started = Vec::new();
        commands.start(Moment::default(), &mut |progress| {
            if let Progress::Started(job) = progress {
                started.push(job.opening.0);
            }
        });
        assert_eq!(started, [2, 0]);
        commands.cancel_openings();
        for running in &mut commands.running {
            running.child.kill().unwrap();
        }
        run(&mut commands);
    }

    #[test]
    fn what_can_never_be_run_holds_up_nothing() {
        let mut commands = Commands::new(1, Output::Dropped);
        commands.submit(Job { closes: true, ..job(0, "\0") });
        commands.submit(Job { closes: true, ..job(1, "true") });
        let mut said = Vec::new();
        commands.start(Moment::default(), &mut |progress| said.push(format!("{progress:?}")));
        assert!(said[0].starts_with("Delayed") && said[1].starts_with("Started"), "{said:?}");
        // Its place is taken: nobody has to wake up for what has to wait for that.
        let hangs = Moment::default().after(PATIENCE);
        assert_eq!(commands.next_deadline(), Some(hangs));
        while commands.running.len() == 1 {
            commands.reap(Moment::default(), &mut |_| ());
        }
        assert_eq!(commands.next_deadline(), Some(Moment::default().after(FIRST_PAUSE)));
    }

    #[test]
    fn what_closes_is_tried_until_it_runs() {
        let mut commands = Commands::new(1, Output::Dropped);
        // No argument may hold a NUL: the system refuses it.
        commands.submit(Job { closes: true, ..job(0, "\0") });
        commands.submit(job(1, "\0"));
        let (mut delayed, mut failed) = (Vec::new(), 0);
        let mut now = Moment::default();
        for _ in 0..8 {
            commands.start(now, &mut |progress| match progress {
                Progress::Delayed(_, _, pause) => delayed.push(pause.as_millis()),
                Progress::Failed(..) => failed += 1,
                other => panic!("{other:?}"),
            });
            // Not before its time.
            commands.start(now, &mut |progress| panic!("{progress:?}"));
            now = commands.next_deadline().unwrap();
        }
        assert_eq!(delayed, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(failed, 1);
        commands.closing.front_mut().unwrap().job.command = "true".to_owned();
        commands.start(now, &mut |_| ());
        assert_eq!(run(&mut commands), ["0: exit status: 0"]);
    }
}
