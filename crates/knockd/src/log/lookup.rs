//! The names of sources, asked for where nobody waits.
//!
//! The C library asks, through `dns-lookup`, and not a resolver of our own: what the host is set up to ask for names
//! (`/etc/hosts`, DNS, mDNS, a directory) counts here too.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use knock_core::moment::Moment;

use super::hostname::Hostname;

/// Finds the name of an address; may take as long as it likes.
pub(super) type Resolver = dyn Fn(IpAddr) -> Option<String> + Send + Sync;

/// What is known, for some minutes, of the names of sources.
///
/// A few threads ask; what they find comes back through the function given at the start. Everything is bounded: when
/// too much is asked at once, a source has no name, and the oldest answers are forgotten for new ones.
#[derive(Debug)]
pub(super) struct Names {
    known: HashMap<IpAddr, Known>,
    questions: SyncSender<IpAddr>,
}

#[derive(Debug)]
enum Known {
    /// Somebody asks.
    Asked,
    /// Somebody asks, for so long that no line waits any more.
    Overdue,
    /// This was the answer, good for some time.
    Answer { name: Option<Hostname>, until: Moment },
}

/// Asks the system: its hosts file, DNS and whatever else it is set up to ask (getnameinfo(3)).
pub(super) fn system(source: IpAddr) -> Option<String> {
    dns_lookup::lookup_addr(&source).ok()
}

impl Names {
    /// Starts the threads. They tell what they find to `tell` and end after `self` has.
    pub(super) fn start(
        resolver: &Arc<Resolver>,
        tell: &(impl Fn(IpAddr, Option<String>) + Clone + Send + 'static),
    ) -> io::Result<Self> {
        let (questions, inbox) = sync_channel(QUESTIONS);
        let inbox = Arc::new(Mutex::new(inbox));
        for _ in 0..THREADS {
            let (inbox, resolver, tell) = (Arc::clone(&inbox), Arc::clone(resolver), tell.clone());
            thread::Builder::new().name("log lookup".to_owned()).spawn(move || {
                while let Some(source) = next(&inbox) {
                    tell(source, resolver(source));
                }
            })?;
        }
        Ok(Self { known: HashMap::new(), questions })
    }

    /// Asks for the name of a source, unless it is known.
    pub(super) fn ask(&mut self, source: IpAddr, now: Moment) {
        match self.known.get(&source) {
            Some(Known::Asked | Known::Overdue) => return,
            Some(Known::Answer { until, .. }) if *until > now => return,
            Some(Known::Answer { .. }) | None => {}
        }
        self.known.remove(&source);
        if self.questions.try_send(source).is_ok() {
            self.make_room();
            self.known.insert(source, Known::Asked);
        }
    }

    /// Whether a line should wait for the name of this source.
    pub(super) fn is_pending(&self, source: IpAddr) -> bool {
        matches!(self.known.get(&source), Some(Known::Asked))
    }

    /// Lets no more lines wait for this name.
    pub(super) fn give_up(&mut self, source: IpAddr) {
        if let Some(known) = self.known.get_mut(&source)
            && matches!(known, Known::Asked)
        {
            *known = Known::Overdue;
        }
    }

    /// Takes in what was found.
    pub(super) fn answer(&mut self, source: IpAddr, name: Option<&str>, now: Moment) {
        let name = name.and_then(Hostname::new);
        let until = now.after(if name.is_some() { NAME_LASTS } else { NO_NAME_LASTS });
        self.known.insert(source, Known::Answer { name, until });
    }

    /// The name of a source, as far as it is known.
    pub(super) fn of(&self, source: IpAddr) -> Option<&Hostname> {
        match self.known.get(&source)? {
            Known::Answer { name, .. } => name.as_ref(),
            Known::Asked | Known::Overdue => None,
        }
    }

    /// Forgets the answer that ends first if there are too many.
    fn make_room(&mut self) {
        if self.known.len() < CAPACITY {
            return;
        }
        let answers = self.known.iter().filter_map(|(source, known)| match known {
            Known::Answer { until, .. } => Some((*until, *source)),
            Known::Asked | Known::Overdue => None,
        });
        if let Some((_, source)) = answers.min() {
            self.known.remove(&source);
        }
    }
}

/// How many ask at once. A dead name server holds each of them up for many seconds.
const THREADS: usize = 4;

/// How many questions wait to be asked.
const QUESTIONS: usize = 64;

/// How many answers are kept.
const CAPACITY: usize = 1024;

/// How long a name is good.
const NAME_LASTS: Duration = Duration::from_secs(5 * 60);

/// How long it is good to know that there is none.
const NO_NAME_LASTS: Duration = Duration::from_secs(60);

fn next(inbox: &Mutex<Receiver<IpAddr>>) -> Option<IpAddr> {
    inbox.lock().ok()?.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn at(secs: u64) -> Moment {
        Moment::from_nanos(secs * 1_000_000_000)
    }

    fn source(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        [10, 0, high, low].into()
    }

    #[test]
    fn the_system_knows_its_own_name() {
        assert!(system([127, 0, 0, 1].into()).is_some_and(|name| Hostname::new(&name).is_some()));
    }

    #[test]
    fn answers_are_kept_for_minutes() {
        let (found, answers) = channel();
        let resolver: Arc<Resolver> =
            Arc::new(|source| (source == self::source(1)).then(|| "a.example".into()));
        let mut names =
            Names::start(&resolver, &move |source, name| found.send((source, name)).unwrap()).unwrap();
        for number in [1, 2] {
            names.ask(source(number), at(0));
            names.ask(source(number), at(0));
            assert!(names.is_pending(source(number)));
            let (source, name) = answers.recv().unwrap();
            names.answer(source, name.as_deref(), at(0));
            assert!(!names.is_pending(source));
        }
        assert_eq!(names.of(source(1)).map(ToString::to_string), Some("a.example".to_owned()));
        assert_eq!(names.of(source(2)), None);
        names.ask(source(1), at(299));
        names.ask(source(2), at(59));
        assert!(answers.try_recv().is_err());
        names.ask(source(1), at(300));
        assert_eq!(answers.recv().unwrap().0, source(1));
        names.ask(source(2), at(60));
        assert_eq!(answers.recv().unwrap().0, source(2));
    }

    #[test]
    fn what_is_kept_is_bounded_when_nobody_answers() {
        let resolver: Arc<Resolver> = Arc::new(|_| {
            loop {
                thread::park();
            }
        });
        let mut names = Names::start(&resolver, &|_, _| {}).unwrap();
        (0..5000).for_each(|number| names.ask(source(number), at(0)));
        assert!(names.known.len() <= THREADS + QUESTIONS);
        assert!(names.is_pending(source(0)));
        assert!(!names.is_pending(source(4999)), "nobody waits for what could not be asked");
        names.give_up(source(0));
        assert!(!names.is_pending(source(0)));
    }

    #[test]
    fn old_answers_give_way_to_new_ones() {
        let resolver: Arc<Resolver> = Arc::new(|_| None);
        let mut names = Names::start(&resolver, &|_, _| {}).unwrap();
        for number in 0..2000 {
            names.answer(source(number), None, at(number.into()));
            names.make_room();
        }
        assert!(names.known.len() <= CAPACITY);
        assert!(names.known.contains_key(&source(1999)));
        assert!(!names.known.contains_key(&source(0)));
    }
}
