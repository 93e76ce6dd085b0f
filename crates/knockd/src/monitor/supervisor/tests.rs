use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::ipc::{
    Load, Report,
    channel::{Channel, Received},
};

/// One whose watcher has nothing but an end of the conversation, which is ours, and a process of its own.
fn supervisor() -> (Supervisor, Channel, Pid) {
    let (near, far) = Channel::pair().unwrap();
    let child = Command::new("sleep").arg("1000").spawn().unwrap();
    let id = Pid::from_child(&child);
    let mut supervisor = Supervisor::new(true, false, None);
    supervisor.process = Some(WatcherProcess::pretend(child, near));
    let confined = Report::Confined(crate::sandbox::Protections::default());
    supervisor.conduct().examine(at(0), &confined, |_| None).unwrap();
    (supervisor, Channel::new(far), id)
}

fn at(second: u64) -> Moment {
    Moment::from_nanos(second * 1_000_000_000)
}

fn orders(far: &Channel) -> Vec<Order> {
    let mut orders = Vec::new();
    while let Received::Message(frame, _) = far.receive().unwrap() {
        orders.push(Order::decode(&frame).unwrap());
    }
    orders
}

fn answer(supervisor: &mut Supervisor) {
    supervisor.conduct().examine(at(0), &Report::Ready(Load::default()), |_| None).unwrap();
}

#[test]
fn is_asked_behind_its_orders_and_once() {
    let (mut supervisor, far, _) = supervisor();
    assert_eq!(supervisor.watch(at(1)), None);
    assert_eq!((orders(&far), supervisor.next_deadline()), (vec![], None), "at rest nothing is asked");
    supervisor.order(&Order::SetHost, None);
    supervisor.order(&Order::SetHost, None);
    for _ in 0..3 {
        assert_eq!(supervisor.watch(at(2)), None);
    }
    assert_eq!(orders(&far), [Order::SetHost, Order::SetHost, Order::Confirm]);
    assert_eq!(supervisor.next_deadline(), Some(at(3)));
    answer(&mut supervisor);
    assert_eq!(supervisor.watch(at(3)), None);
    assert_eq!((orders(&far), supervisor.next_deadline()), (vec![], None));
    supervisor.end();
}

#[test]
fn is_asked_when_we_are_awake_after_a_minute() {
    let (mut supervisor, far, _) = supervisor();
    assert_eq!((supervisor.watch(at(59)), orders(&far)), (None, vec![]));
    assert_eq!((supervisor.watch(at(60)), orders(&far)), (None, vec![Order::Confirm]));
    answer(&mut supervisor);
    assert_eq!((supervisor.watch(at(119)), orders(&far)), (None, vec![]));
    assert_eq!((supervisor.watch(at(3600)), orders(&far)), (None, vec![Order::Confirm]));
    supervisor.end();
}

#[test]
fn owes_an_answer_for_ten_seconds_at_most() {
    let (mut supervisor, _far, _) = supervisor();
    supervisor.ask(at(100));
    let overdue = (100..200).find_map(|second| Some((second, supervisor.watch(at(second))?)));
    assert_eq!(overdue, Some((110, Debt::Answer)));
    let (how, _) = supervisor.failed(at(110));
    assert_eq!(how, "signal: 9 (SIGKILL)");
}

/// Interfaces that come and go while nobody reads.
#[test]
fn addresses_do_not_pile_up() {
    let (mut supervisor, far, _) = supervisor();
    let mut lists = 0;
    for _ in 0..10_000 {
        supervisor.note_host();
        if supervisor.take_host_due() {
            lists += 1;
            (0..10).for_each(|_| supervisor.order(&Order::SetHost, None));
        }
    }
    assert!((1..100).contains(&lists), "{lists}");
    let overdue = (0..100).find_map(|second| Some((second, supervisor.watch(at(second))?)));
    assert_eq!(overdue, Some((10, Debt::Orders)));
    // What was left out is told when there is room, once.
    while supervisor.is_congested() {
        orders(&far);
        supervisor.flush();
    }
    assert_eq!([supervisor.take_host_due(), supervisor.take_host_due()], [true, false]);
    supervisor.end();
}

#[test]
fn is_found_stopped_and_going_on() {
    let (mut supervisor, _far, id) = supervisor();
    let mut await_that = |is_stopped| {
        while supervisor.is_stopped != is_stopped {
            supervisor.look_after();
            std::thread::yield_now();
        }
        supervisor.watch(at(5))
    };
    kill_process(id, Signal::STOP).unwrap();
    assert_eq!(await_that(true), None);
    kill_process(id, Signal::CONT).unwrap();
    assert_eq!(await_that(false), None);
    kill_process(id, Signal::STOP).unwrap();
    await_that(true);
    let overdue = (6..100).find_map(|second| Some((second, supervisor.watch(at(second))?)));
    assert_eq!(overdue, Some((7, Debt::Life)));
    supervisor.end();
}
