//! What guessing should take, by formula.

use std::collections::HashSet;

/// How many rounds it takes on average where nothing but the order of the sequence's own ports counts: the rounds from
/// each stage on are one, and those from the stage at which this one ends, by each order with the same probability.
pub fn rounds(knocks: usize) -> f64 {
    let orders = orders(knocks);
    let share = 1.0 / f64::from(u32::try_from(orders.len()).unwrap());
    let mut leads = vec![vec![0.0; knocks]; knocks];
    for (stage, leads) in leads.iter_mut().enumerate() {
        for end in orders.iter().filter_map(|order| stage_after(stage, order, knocks)) {
            leads[end] += share;
        }
    }
    let mut from = vec![1.0; knocks];
    // What is asked for is where this comes to rest.
    for _ in 0..10_000 {
        let then = |leads: &Vec<f64>| leads.iter().zip(&from).map(|(share, from)| share * from).sum::<f64>();
        from = leads.iter().map(|leads| 1.0 + then(leads)).collect();
    }
    from[0]
}

/// The stage that an attempt is at after these knocks, numbered as in the sequence; none once it has opened the door.
fn stage_after(stage: usize, order: &[usize], knocks: usize) -> Option<usize> {
    let mut stage = stage;
    for knock in order {
        stage = if *knock == stage { stage + 1 } else { usize::from(*knock == 0) };
        if stage == knocks {
            return None;
        }
    }
    Some(stage)
}

fn orders(of: usize) -> Vec<Vec<usize>> {
    let Some(last) = of.checked_sub(1) else { return vec![vec![]] };
    let insert = |order: Vec<usize>| {
        (0..=last).map(move |place| {
            let mut order = order.clone();
            order.insert(place, last);
            order
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// Every row of three ports, each once, as a row of ports: always the highest port that makes a new one.
pub fn de_bruijn(ports: u16, knocks: usize) -> Vec<u16> {
    let mut order = vec![1; knocks];
    let mut seen = HashSet::from([order.clone()]);
    loop {
        let last = order[order.len() - (knocks - 1)..].to_vec();
        let next = (1..=ports).rev().find(|port| seen.insert([last.as_slice(), &[*port]].concat()));
        let Some(port) = next else { return order };
        order.push(port);
    }
}

pub fn triples(ports: u16) -> impl Iterator<Item = (u16, u16, u16)> {
    (1..=ports).flat_map(move |a| (1..=ports).flat_map(move |b| (1..=ports).map(move |c| (a, b, c))))
}

/// Seconds as the page has them: two digits that count, in the unit that people would say.
pub fn shown(seconds: f64) -> String {
    const YEAR: f64 = 31_557_600.0;
    let (unit, name) = match seconds {
        _ if seconds < 120.0 => (1.0, "s"),
        _ if seconds < 7_200.0 => (60.0, "min"),
        _ if seconds < 172_800.0 => (3_600.0, "h"),
        _ if seconds < YEAR => (86_400.0, "days"),
        _ if seconds < 1e3 * YEAR => (YEAR, "years"),
        _ if seconds < 1e6 * YEAR => (1e3 * YEAR, "thousand years"),
        _ if seconds < 1e9 * YEAR => (1e6 * YEAR, "million years"),
        _ => (1e9 * YEAR, "thousand million years"),
    };
    let number = seconds / unit;
    let scale = 10_f64.powf(1.0 - number.log10().floor());
    format!("{} {name}", (number * scale).round() / scale)
}
