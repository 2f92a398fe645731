//! Sets of signals, processors and kinds of namespaces.

#![forbid(unsafe_code)]

use std::collections::HashSet;

use nearfar::prelude::*;
use nearfar::task::CpuSet;

/// What has to be true of any two sets of a type, one of which has something that the other has not.
fn has_operators<S>(one: S, other: S, both: S, shared: S, first: S)
where
    S: Clone + Default + PartialEq + std::fmt::Debug,
    S: std::ops::BitOr<Output = S> + std::ops::BitOrAssign,
    S: std::ops::BitAnd<Output = S> + std::ops::BitAndAssign,
    S: std::ops::Sub<Output = S> + std::ops::SubAssign,
{
    for (a, b) in [(&one, &other), (&other, &one)] {
        assert_eq!(a.clone() | b.clone(), both);
        assert_eq!(a.clone() & b.clone(), shared);
    }
    assert_eq!(one.clone() - other.clone(), first);
    let mut set = one.clone();
    set |= other.clone();
    assert_eq!(set, both);
    set &= one.clone();
    assert_eq!(set, one);
    set -= other;
    assert_eq!(set, first);
    set -= first;
    assert_eq!(set, S::default());
}

#[test]
fn they_have_the_same_operators() {
    let signals = SignalSet::of;
    has_operators(
        signals(&[Signal::HUP, Signal::INT]),
        signals(&[Signal::INT, Signal::TERM]),
        signals(&[Signal::HUP, Signal::INT, Signal::TERM]),
        signals(&[Signal::INT]),
        signals(&[Signal::HUP]),
    );
    let cpus = |cpus: &[usize]| CpuSet::from_iter(cpus.iter().copied());
    has_operators(cpus(&[1, 2]), cpus(&[2, 700]), cpus(&[1, 2, 700]), cpus(&[2]), cpus(&[1]));
    has_operators(cpus(&[2, 700]), cpus(&[1, 2]), cpus(&[1, 2, 700]), cpus(&[2]), cpus(&[700]));
    let (user, net, uts) = (Namespaces::USER, Namespaces::NET, Namespaces::UTS);
    has_operators(user | net, net | uts, user | net | uts, net, user);
}

#[test]
fn kinds_of_namespaces_are_added_and_taken_away() {
    let mut kinds = Namespaces::empty();
    assert!(kinds.is_empty());
    kinds.insert(Namespaces::USER | Namespaces::TIME);
    kinds.remove(Namespaces::USER);
    assert_eq!(kinds, Namespaces::TIME);
    assert!(Namespaces::all().contains(kinds) && !kinds.is_empty());
    let all = "Namespaces(USER | MOUNT | NET | UTS | IPC | CGROUP | TIME)";
    assert_eq!(format!("{:?}", Namespaces::all()), all);
}

#[test]
fn processors_are_a_set_whatever_room_they_take() {
    let mut one = CpuSet::from_iter([5, 900]);
    one.remove(900);
    let mut other = CpuSet::empty();
    assert!(other.is_empty());
    other.extend([5]);
    assert_eq!(HashSet::from([one.clone(), other]).len(), 1);
    one.insert(70);
    assert!((&one).into_iter().eq([5, 70]));
    let mut numbers = Vec::new();
    for cpu in one.clone() {
        numbers.push(cpu);
    }
    assert_eq!(numbers, [5, 70]);
    assert!((one.clone() - one).is_empty());
}
